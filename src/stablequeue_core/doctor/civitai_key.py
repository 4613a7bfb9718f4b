"""Whether Civitai accepts the key, asked once; the key itself is shown nowhere."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from stablequeue_core.doctor.diagnosis import Finding, ok, problem, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.errors import CivitaiError, LoginNeeded, TransferAborted
from stablequeue_core.transport import Abort

SUBJECT = "Civitai key"

PATIENCE = 6.0
"""Seconds; who has no internet shall not wait for the rest of the examination."""

_NOT_ASKED = (
    "Nothing of the queue needs it but downloads and what is read from Civitai; look again when "
    "this computer reaches the internet."
)


def check_civitai_key(premises: Premises) -> Iterator[Finding]:
    """Whose key it is; without internet, or without a key, nothing is wrong."""
    if premises.settings.civitai_api_key is None:
        yield ok(SUBJECT, "There is none (CIVITAI_API_KEY); most downloads need one.")
        return
    abort = Abort()
    timer = threading.Timer(PATIENCE, abort.pull)
    timer.daemon = True
    timer.start()
    try:
        account = premises.account(abort)
    except LoginNeeded:
        yield problem(
            SUBJECT,
            "Civitai does not accept it.",
            "Make a new one at https://civitai.com/user/account and set CIVITAI_API_KEY to it.",
        )
    except TransferAborted:
        yield warning(SUBJECT, f"Civitai did not answer within {PATIENCE:.0f} s.", _NOT_ASKED)
    except CivitaiError as error:
        yield warning(SUBJECT, f"Civitai could not be asked. {error.message}", _NOT_ASKED)
    else:
        if account.status and account.status != "active":
            yield warning(
                SUBJECT,
                f"Civitai accepts it, but says that the account is {account.status}.",
                "Look at the account at https://civitai.com/user/account.",
            )
        else:
            yield ok(SUBJECT, f"Civitai accepts it; it belongs to {account.username}.")
    finally:
        timer.cancel()
