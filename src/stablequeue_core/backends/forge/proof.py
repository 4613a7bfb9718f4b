"""Whether the picture is the one that was asked for: Forge answers 200 with a wrong one, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stablequeue_core.errors import WrongResult
from stablequeue_core.generation import named_hashes, settings_of
from stablequeue_core.models import stem
from stablequeue_core.servers import ListedCheckpoint


def prove(asked: Mapping[str, Any], info: Mapping[str, Any], server: str) -> dict[str, Any]:
    """Compare what was asked with what the server says it did.

    Args:
        asked: as in :class:`~stablequeue_core.backends.base.Prepared`.
        info: the parsed ``info`` of the answer.
        server: the alias, for the sentence.

    Returns:
        what was compared, as ``{"checkpoint": {"asked": …, "got": …}, …}``.

    Raises:
        WrongResult: something differs.
    """
    settings = _settings(info)
    proof: dict[str, Any] = {}
    checkpoint = asked.get("checkpoint")
    if isinstance(checkpoint, ListedCheckpoint):
        proof["checkpoint"] = _prove_checkpoint(checkpoint, info, server)
    elif info.get("sd_model_name"):
        proof["checkpoint"] = {"asked": None, "got": _model_text(info)}
    if "sampler" in asked:
        proof["sampler"] = _same("sampler", asked["sampler"], info.get("sampler_name"), server)
    if "scheduler" in asked and "Schedule type" in settings:
        got = settings["Schedule type"]
        proof["scheduler"] = _same("scheduler", asked["scheduler"], got, server)
    if "modules" in asked and settings:
        proof["modules"] = _prove_modules(asked["modules"], settings, server)
    if "loras" in asked:
        proof["loras"] = _prove_loras(asked["loras"], info, server)
    return proof


def _prove_checkpoint(
    asked: ListedCheckpoint, info: Mapping[str, Any], server: str
) -> dict[str, Any]:
    """By hash where both sides know it, else by the file's name."""
    got_hash, got_name = info.get("sd_model_hash"), info.get("sd_model_name")
    if asked.shorthash and got_hash:
        right = str(got_hash).lower() == asked.shorthash.lower()
    else:
        right = got_name == asked.stem
    got = _model_text(info)
    if not right:
        raise WrongResult(
            "wrong_model",
            f"Server {server!r} rendered with {got or 'another model'} instead of {asked.title}; "
            "the picture was thrown away.",
            asked.title,
            got,
        )
    return {"asked": asked.title, "got": got}


def _model_text(info: Mapping[str, Any]) -> str:
    name, digest = info.get("sd_model_name") or "", info.get("sd_model_hash")
    return f"{name} [{digest}]" if digest else str(name)


def _same(subject: str, asked: str, got: Any, server: str) -> dict[str, Any]:
    if got != asked:
        raise WrongResult(
            f"wrong_{subject}",
            f"Server {server!r} used the {subject} {got!r} instead of {asked!r}; "
            "the picture was thrown away.",
            asked,
            got,
        )
    return {"asked": asked, "got": got}


def _prove_modules(
    asked: Sequence[str], settings: Mapping[str, str], server: str
) -> dict[str, Any]:
    """The server drops those that it does not have, and tells of the others without extension."""
    got = [value for key, value in settings.items() if key.startswith("Module ")]
    missing = [name for name in asked if stem(name) not in got]
    if missing:
        raise WrongResult(
            "wrong_module",
            f"Server {server!r} did not use the module {', '.join(missing)}; "
            "the picture was thrown away.",
            list(asked),
            got,
        )
    return {"asked": list(asked), "got": got}


def lora_hashes(info: Mapping[str, Any]) -> dict[str, str]:
    """The LoRAs that the server says it applied, with their hashes."""
    extra = info.get("extra_generation_params")
    listed = extra.get("Lora hashes") if isinstance(extra, Mapping) else None
    return dict(named_hashes(str(listed or _settings(info).get("Lora hashes", ""))))


def _prove_loras(asked: Sequence[str], info: Mapping[str, Any], server: str) -> dict[str, Any]:
    got = lora_hashes(info)
    hashing_is_off = info.get("sd_model_hash") is None
    # The server leaves colons and commas out of the names that it writes.
    missing = [name for name in asked if name.replace(":", "").replace(",", "") not in got]
    if missing and not hashing_is_off:
        raise WrongResult(
            "wrong_lora",
            f"Server {server!r} did not apply the LoRA {', '.join(missing)}; "
            "the picture was thrown away.",
            list(asked),
            got,
        )
    return {"asked": list(asked), "got": got}


def _settings(info: Mapping[str, Any]) -> dict[str, str]:
    infotexts = info.get("infotexts")
    if isinstance(infotexts, list) and infotexts and isinstance(infotexts[-1], str):
        return settings_of(infotexts[-1])
    return {}
