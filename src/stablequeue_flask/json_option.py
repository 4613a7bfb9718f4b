"""``--json``: for scripts, in the shapes of the HTTP API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from stablequeue_flask.answers import json_text
from stablequeue_flask.opening import option

_Command = TypeVar("_Command", bound=Callable[..., Any])


def json_option(command: _Command) -> _Command:
    """``--json``, given as ``as_json``."""
    return option(
        "--json", "as_json", is_flag=True, help="Tell it to programs, as the HTTP API does."
    )(command)


def say_json(body: object) -> None:
    """Print it; there is nothing in it that a terminal obeys."""
    click.echo(json_text(body))
