"""Which address leads where."""

from __future__ import annotations

from attrs import frozen

from stablequeue_core.testing.civitai_simulator import refusals
from stablequeue_core.testing.civitai_simulator.downloads import DownloadGate
from stablequeue_core.testing.civitai_simulator.exchange import Answer, json_answer
from stablequeue_core.testing.civitai_simulator.hashes import HashLookup
from stablequeue_core.testing.civitai_simulator.image_routes import ImageRoutes
from stablequeue_core.testing.civitai_simulator.model_routes import ModelRoutes
from stablequeue_core.testing.civitai_simulator.visits import Visit

API = "/api/v1"


@frozen(kw_only=True)
class Router:
    """Leads a request to who can answer it."""

    models: ModelRoutes
    hashes: HashLookup
    images: ImageRoutes
    downloads: DownloadGate

    def answer(self, visit: Visit) -> Answer:
        """Answer the request.

        Raises:
            Refusal: Civitai says no.
        """
        parts = tuple(visit.path.strip("/").split("/"))
        posted = visit.incoming.method == "POST"
        match parts:
            case ("api", "v1", "models"):
                return self.models.models(visit)
            case ("api", "v1", "models", _):
                return self.models.model(visit)
            case ("api", "v1", "model-versions", "by-hash") if posted:
                return self.hashes.many(visit)
            case ("api", "v1", "model-versions", "by-hash", "ids") if posted:
                return self.hashes.ids(visit)
            case ("api", "v1", "model-versions", "by-hash", _):
                return self.hashes.one(visit)
            case ("api", "v1", "model-versions", _):
                return self.models.version(visit)
            case ("api", "v1", "images"):
                return self.images.images(visit)
            case ("api", "v1", "me"):
                return _me(visit)
            case ("api", "download", "models", _):
                return self.downloads.download(visit)
            case ("login",):
                return refusals.login_page()
            case _:
                return refusals.no_such_page()


def _me(visit: Visit) -> Answer:
    """``GET /me``: the one sure way to learn whether a key is good."""
    account = visit.account
    if account is None:
        raise refusals.unauthorized()
    return json_answer(
        {
            "id": account.id,
            "username": account.username,
            "tier": account.tier,
            "status": account.status,
            "isMember": account.tier != "free",
            "subscriptions": [],
            "tokenScope": 67108863,
            "buzzLimit": None,
            "subject": {"type": "apiKey", "id": 1},
        }
    )
