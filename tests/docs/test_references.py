"""The tables of the reference say what the code says: settings, errors, events, names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Set
from typing import Any

import pytest
from attrs import fields
from tests.docs.pages import REFERENCE, ROOT, code_in, rows_of
from werkzeug.exceptions import default_exceptions

import stablequeue_core
from stablequeue_core import EventKind, Job, Settings, StableQueue, StableQueueError
from stablequeue_core.backends.forge.names import ServerNames
from stablequeue_core.civitai.service import Civitai
from stablequeue_core.dispatch.running.story import NOT_KEPT, WORKER_GONE
from stablequeue_core.downloads import Download
from stablequeue_core.downloads.queue import DownloadQueue
from stablequeue_core.errors import NotOnServer, UnreadableModel, WrongFile, WrongResult
from stablequeue_core.errors.base import InvalidFields
from stablequeue_core.generation import Requirements
from stablequeue_core.models import Model, ModelCatalog
from stablequeue_core.servers import Inventory, ServerRegistry
from stablequeue_core.settings import variable_of
from stablequeue_flask.errors import code_of, status_of

UNITS = {
    *("seconds", "bytes", "bytes a second", "characters", "pictures", "attempts", "files"),
    *("times", "days", "jobs"),
    *("address", "text", "1 or 0"),
}
WHERE = {"submits", "runs", "serves", "cancels", "looks", "tidies", "all"}
"""What the processes do in which a setting counts."""

SETTINGS = REFERENCE / "settings.md"
FORGE = ROOT / "src" / "stablequeue_core" / "backends" / "forge"
MODELS = ROOT / "src" / "stablequeue_core" / "models"
DOWNLOADS = ROOT / "src" / "stablequeue_core" / "downloads"
ERRORS = REFERENCE / "errors.md"
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)*")


def test_every_setting_is_listed_with_its_variable_default_and_unit() -> None:
    documented = {}
    for name, variable, default, unit, where, meaning in rows_of(SETTINGS, "Setting"):
        documented[code_in(name)[0]] = (code_in(variable)[0], code_in(default)[0])
        assert unit in UNITS
        assert set(where.split(", ")) <= WHERE, name
        assert meaning
    assert documented == {
        field.name: (variable_of(field), as_written(field.default)) for field in fields(Settings)
    }


def test_a_setting_that_counts_where_jobs_run_alone_is_read_nowhere_else() -> None:
    """Apart from what opens and closes the queue, and the doctor, who looks at all of it."""
    runs = {code_in(row[0])[0] for row in rows_of(SETTINGS, "Setting") if row[4] == "runs"}
    running = {"dispatch", "downloads", "doctor"}
    core = ROOT / "src" / "stablequeue_core"
    elsewhere = {
        (name, path.relative_to(core).parts[0])
        for path in core.rglob("*.py")
        for name in re.findall(r"settings\.([a-z_]+)", path.read_text(encoding="utf-8"))
        if name in runs and path.relative_to(core).parts[0] not in running
    }
    assert elsewhere == {("close_grace", "stable_queue.py")}


def as_written(default: object) -> str:
    """A default as the table has it: whole numbers with a mark between thousands."""
    is_number = isinstance(default, int | float) and not isinstance(default, bool)
    return f"{default:_.10g}".removesuffix(".0") if is_number else str(default)


def test_every_error_is_listed_with_its_code_and_status() -> None:
    """Each class of the family with each of its codes, and what HTTP makes of it."""
    documented = set()
    for codes, names, status, meaning, advice in rows_of(ERRORS, "Code"):
        assert meaning
        assert advice
        documented |= {(code, code_in(names)[0], int(status)) for code in code_in(codes)}
    assert documented == {
        (code, kind.__name__, status_of(kind.__new__(kind)))
        for kind in family(StableQueueError)
        for code in codes_of(kind)
    }


def test_every_problem_that_a_scan_tells_of_is_listed() -> None:
    documented = set()
    for codes, meaning, advice in rows_of(ERRORS, "Problem"):
        assert meaning
        assert advice
        documented |= set(code_in(codes))
    told = {"FileProblem", "ScanProblem", "BrokenFile", "_problem", "_report", "report"}
    assert documented == codes_given_to(told) - codes_of(UnreadableModel)


def test_every_code_that_is_http_s_own_is_named_by_its_status() -> None:
    rows = rows_of(ERRORS, "HTTP's own code")
    assert rows
    for code, status, _ in rows:
        assert code_in(code) == [code_of(default_exceptions[int(status)]().name)]


@pytest.mark.parametrize("code", [WORKER_GONE.code, NOT_KEPT])
def test_the_codes_of_attempts_whose_outcome_was_lost_are_explained(code: str) -> None:
    assert f"`{code}`" in ERRORS.read_text(encoding="utf-8")


def test_every_event_is_listed() -> None:
    documented = [code_in(row[0])[0] for row in rows_of(REFERENCE / "events.md", "Event")]
    assert documented == [kind.value for kind in EventKind]


def test_every_name_of_the_front_door_is_in_the_python_reference() -> None:
    text = (REFERENCE / "python-api.md").read_text(encoding="utf-8")
    missing = {name for name in stablequeue_core.__all__ if f"`{name}" not in text}
    assert not missing


def test_every_method_is_in_the_python_reference_with_its_parameters() -> None:
    """Of the queue and of what hangs on it: the signature as it is, without types."""
    page = REFERENCE / "python-api.md"
    documented = {code_in(row[0])[0] for row in rows_of(page, "Method")}
    assert documented == {
        *signatures("queue", StableQueue),
        *signatures("queue.servers", ServerRegistry),
        *signatures("queue.models", ModelCatalog),
        *signatures("queue.downloads", DownloadQueue),
        *signatures("queue.civitai", Civitai),
    } | {"StableQueue.open" + shown(StableQueue.open)}


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        (Job, "Attribute of a job"),
        (Model, "Attribute of a model"),
        (Download, "Attribute of a download"),
    ],
)
def test_every_attribute_is_in_the_python_reference(kind: type, column: str) -> None:
    documented = set()
    for row in rows_of(REFERENCE / "python-api.md", column):
        documented |= set(code_in(row[0]))
    properties = {name for name, value in vars(kind).items() if isinstance(value, property)}
    assert documented == {field.name for field in fields(kind)} | properties


def family(root: type[StableQueueError]) -> Iterator[type[StableQueueError]]:
    """A class and all that come from it, but for the one that nobody ever meets."""
    if root is not InvalidFields:
        yield root
    for child in root.__subclasses__():
        yield from family(child)


def codes_of(kind: type[StableQueueError]) -> set[str]:
    """The codes that an error of this class can carry."""
    if kind is WrongResult:
        return set(wrong_results())
    if kind is WrongFile:
        return set(wrong_files())
    if kind is UnreadableModel:
        return codes_given_to({"UnreadableModel", "bad_header"})
    if kind is NotOnServer:
        names: Any = {f.name: ("x",) for f in fields(Requirements) if f.name != "may_fetch"}
        missing = ServerNames("Laptop", Inventory()).missing(Requirements(**names))
        return {error.code for error in missing}
    return {kind.code}


def wrong_results() -> Iterator[str]:
    """What the backend says when an answer is not what was asked: only its source knows all."""
    for path in FORGE.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        yield from re.findall(r'"((?:wrong|missing)_[a-z]+)"', source)
        yield from (f"wrong_{subject}" for subject in re.findall(r'_same\(\s*"(\w+)"', source))


def wrong_files() -> Iterator[str]:
    """What a file can be that was fetched in place of a model."""
    for path in DOWNLOADS.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        yield from re.findall(r'"((?:wrong|not|login)_[a-z_]+)"', source)


def codes_given_to(names: Set[str]) -> set[str]:
    """What is wrong with model files: the codes with which functions of these names are called."""
    found = set()
    for path in MODELS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
                values = [*node.args, *(keyword.value for keyword in node.keywords)]
                texts = [value.value for value in values if isinstance(value, ast.Constant)]
                found |= {text for text in texts if isinstance(text, str) and _CODE.fullmatch(text)}
    return found


def signatures(prefix: str, kind: type) -> Iterator[str]:
    """Its public methods, as a user calls them."""
    for name, method in vars(kind).items():
        if not name.startswith("_") and inspect.isfunction(method):
            yield f"{prefix}.{name}{shown(method, leave_out=1)}"


def shown(function: object, leave_out: int = 0) -> str:
    """A signature without its types."""
    assert callable(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(bare[leave_out:]))
