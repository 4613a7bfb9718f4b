"""Whether the servers can make pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from attrs import evolve

from stablequeue_core.doctor.diagnosis import Finding, Verdict, ok, problem, warning
from stablequeue_core.doctor.premises import Premises
from stablequeue_core.doctor.server_looks import ServerLook
from stablequeue_core.errors import StorageError
from stablequeue_core.quantities import count_text, size_text
from stablequeue_core.servers import Place, ReportBoard, ServerHealth, ServerStatus, place_of

_ONLINE = "servers are online, and nothing is wrong with them"
_DISABLED = "servers are disabled, and were not asked"

_NOT_ONLINE = {
    ServerStatus.OFFLINE: (
        Verdict.PROBLEM,
        "It cannot be reached.",
        "Start it with --api, check its address, or disable it while it is away.",
    ),
    ServerStatus.STARTING: (
        Verdict.WARNING,
        "It is starting.",
        "Look again in a minute; it gets jobs as soon as it answers. If it says the same then, "
        "check its address (another program may have it), and that it was started with --api.",
    ),
    ServerStatus.UNAUTHORIZED: (
        Verdict.PROBLEM,
        "It does not accept our user name and password.",
        "Give those that it was started with (--api-auth) to its entry in the queue.",
    ),
    ServerStatus.NO_API: (
        Verdict.PROBLEM,
        "It runs, but its API is off.",
        "Start it with --api.",
    ),
}


def check_servers(premises: Premises, looks: Sequence[ServerLook]) -> Iterator[Finding]:
    """Each server: whether it answers, what it has, and how it was started."""
    if premises.storage is not None and not looks:
        yield warning(
            "servers",
            "There is no server.",
            "Add one: `stablequeue serve --server Laptop=http://127.0.0.1:7860`.",
        )
    told = _told(premises)
    for look in looks:
        if look.health.status is ServerStatus.STARTING and told.get(look.server.alias):
            # Who looks for the first time cannot know how long it has been so.
            look = evolve(look, health=told[look.server.alias])
        yield from _of(look, premises.settings.memory_reserve)
    yield from _of_addresses(looks)


def _told(premises: Premises) -> Mapping[str, ServerHealth]:
    """The servers of which those who run jobs know that their API is off."""
    if premises.storage is None:
        return {}
    try:
        board = ReportBoard(premises.storage.reports, premises.storage.clock)
        reports = board.all()
    except StorageError:
        return {}  # What is wrong with it, the check of the database tells.
    healths = {alias: told.health for alias, told in reports.items() if board.is_good(told)}
    return {a: health for a, health in healths.items() if health.status is ServerStatus.NO_API}


def _of_addresses(looks: Sequence[ServerLook]) -> Iterator[Finding]:
    """Two servers at one address are one, which would get two jobs at a time."""
    by_place: dict[Place, list[str]] = {}
    for look in looks:
        if look.server.enabled:
            by_place.setdefault(place_of(look.server.api_url), []).append(repr(look.server.alias))
    for aliases in by_place.values():
        if len(aliases) > 1:
            names = ", ".join(aliases)
            yield warning(
                "servers",
                f"{names} have the same address, and so are one server.",
                "Remove all but one of them: it makes one picture at a time, however many names "
                "it has, and what is known of one name is not known of the others.",
            )


def _of(look: ServerLook, memory_reserve: float) -> Iterator[Finding]:
    subject = f"server {look.server.alias}"
    status = look.health.status
    if status is ServerStatus.DISABLED:
        yield ok(subject, "It is disabled, and was not asked.", _DISABLED)
        return
    if status in _NOT_ONLINE:
        verdict, sentence, advice = _NOT_ONLINE[status]
        # What it said itself begins with what is wrong, and where.
        seen = (look.health.last_error or sentence).partition(". ")[0].rstrip(".") + "."
        yield Finding(subject, verdict, seen, advice)
        return
    if look.inventory is None:
        yield problem(
            subject,
            f"It answers, but does not tell what it has. {look.refusal or ''}".strip(),
            "If it is starting, look again in a minute; else look at its own output.",
        )
        return
    yield ok(subject, _description(look), _ONLINE)
    if look.server.paused:
        yield warning(
            subject, "It is paused: it takes no jobs.", "Resume it when it shall work again."
        )
    yield from _of_lists(subject, look)
    yield from _of_memory(subject, look, memory_reserve)
    yield from _of_traits(subject, look)


def _description(look: ServerLook) -> str:
    has = look.inventory
    parts = [f"It is online{f', Forge {look.version}' if look.version else ''}"]
    if has is not None:
        parts.append(
            f"{count_text(len(has.checkpoints), 'checkpoint')}, "
            f"{count_text(len(has.loras), 'LoRA')}, {count_text(len(has.modules), 'module')}"
        )
    if look.memory is not None and look.memory.ram_free is not None:
        parts.append(f"{size_text(look.memory.ram_free)} of memory free")
    return "; ".join(parts) + "."


def _of_lists(subject: str, look: ServerLook) -> Iterator[Finding]:
    has = look.inventory
    if has is None:
        return
    if not has.checkpoints:
        yield problem(
            subject,
            "It has no checkpoint, so no job can run there.",
            "Put one into its folder models/Stable-diffusion; the queue has it look again by "
            "itself.",
        )
    if not has.samplers:
        yield problem(
            subject,
            "It lists no sampler, which every Forge has.",
            "Restart it; an extension may have broken it.",
        )


def _of_memory(subject: str, look: ServerLook, reserve: float) -> Iterator[Finding]:
    free = look.memory.ram_free if look.memory else None
    if free is not None and free < reserve:
        yield warning(
            subject,
            f"Its computer has only {size_text(free)} of memory left.",
            "Restart it when nothing runs there (pause it first); Forge takes more with each "
            "change of the checkpoint.",
        )


def _of_traits(subject: str, look: ServerLook) -> Iterator[Finding]:
    traits = look.traits
    if traits is None:
        return
    if traits.tells_tasks is False:
        yield warning(
            subject,
            "It runs with --nowebui: it cannot tell which job it is at, so progress is coarse and "
            "a running job cannot be cancelled safely.",
            "Start it without --nowebui.",
        )
    if traits.tells_options is False:
        yield warning(
            subject,
            "It cannot show its options: one of them has a value of the wrong type.",
            "Put that option right in its settings, or in its config.json, and restart it.",
        )
    if traits.can_be_stopped:
        yield warning(
            subject,
            "It runs with --api-server-stop: whoever may use its API may stop it.",
            "Start it without that option, unless you need it.",
        )
    # Forge itself never protects these, so on this very machine there is nothing to be done.
    if look.server.auth and traits.shows_loras and not _is_loopback(look.server.api_url):
        yield warning(
            subject,
            "In spite of --api-auth it shows its list of LoRAs, and all of /internal, to anybody "
            "who can reach it.",
            "Put a proxy before it that asks for the password, if others can reach it.",
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
