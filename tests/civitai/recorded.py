"""The recorded answers of ``tests/recordings/civitai``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stablequeue_core.transport import Response

FOLDER = Path(__file__).parent.parent / "recordings" / "civitai"

ERRORS = sorted(path.name for path in FOLDER.glob("error_*"))

_PAGES = {".html": "text/html; charset=UTF-8", ".xml": "application/xml"}


def recorded(name: str) -> Any:
    """The JSON of a 200."""
    return json.loads((FOLDER / name).read_bytes())


def recorded_error(name: str) -> Response:
    """An answer that brings no value."""
    path = FOLDER / name
    if path.suffix in _PAGES:
        status = int(name.split("_")[1])
        headers = {"content-type": _PAGES[path.suffix]}
        return Response(status=status, headers=headers, body=path.read_bytes())
    told = json.loads(path.read_bytes())
    return Response(
        status=told["status"],
        headers={key.lower(): value for key, value in told["headers"].items()},
        body=json.dumps(told["body"], ensure_ascii=False).encode(),
    )
