"""What the doctor says of servers, by the traps that real ones have."""

from __future__ import annotations

import threading
from pathlib import Path

from attrs import evolve
from tests.core.doctor_clinic import OK, PROBLEM, WARNING, Clinic, StoppableForge, bad, url

from stablequeue_core import Settings
from stablequeue_core.errors import ConnectFailed
from stablequeue_core.servers import ServerHealth, ServerReport, ServerStatus
from stablequeue_core.testing.forge_simulator import (
    Fault,
    ForgeDisk,
    ForgeSimulator,
    Phase,
    SimulatedForge,
)
from stablequeue_core.transport import Abort, Request, StreamedResponse, Transport


def test_a_server_that_is_well_is_described(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, {"Laptop": SimulatedForge.with_sample_models()})
    said = clinic.said("server Laptop")
    assert said == ("ok: It is online; 4 checkpoints, 3 LoRAs, 3 modules; 24.5 GB of memory free.")
    assert not bad(clinic.examine())


def test_a_server_that_is_switched_off_is_a_problem(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models()
    clinic = Clinic(tmp_path, {"Laptop": forge})
    with forge.unplugged():
        assert "cannot be reached" in clinic.said("server Laptop", PROBLEM)


def test_a_server_that_is_starting_is_a_warning(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models()
    forge.phase = Phase.OPENING
    clinic = Clinic(tmp_path, {"Laptop": forge}, settings=Settings(start_up_grace=20))
    assert "is starting" in clinic.said("server Laptop", WARNING)


def test_a_server_that_seems_to_start_for_ever_may_be_none(tmp_path: Path) -> None:
    """Who looks for the first time cannot tell; those who run jobs have looked for longer."""
    forge = SimulatedForge.with_sample_models()
    forge.phase = Phase.OPENING
    clinic = Clinic(tmp_path, {"Laptop": forge}, settings=Settings(start_up_grace=20))
    assert "check its address" in clinic.said("server Laptop", WARNING)

    health = ServerHealth(status=ServerStatus.NO_API, last_error="Its API is off.")
    now = clinic.clock.now()
    report = ServerReport(alias="Laptop", health=health, worker="host:1:a", at=now)
    clinic.storage.reports.put(report)
    assert "API is off" in clinic.said("server Laptop", PROBLEM)


def test_two_names_for_one_address_are_told(tmp_path: Path) -> None:
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower", "Twin")}
    clinic = Clinic(tmp_path, forges)
    assert clinic.said("servers") == ""
    clinic.change("Twin", api_url=url("Tower"))
    assert "'Tower', 'Twin' have the same address" in clinic.said("servers", WARNING)

    clinic.change("Twin", enabled=False)
    assert clinic.said("servers") == ""


def test_the_names_of_this_computer_are_one_address(tmp_path: Path) -> None:
    forges = {alias: SimulatedForge.with_sample_models() for alias in ("Laptop", "Tower")}
    clinic = Clinic(tmp_path, forges)
    clinic.change("Laptop", api_url="http://localhost:7860")
    clinic.change("Tower", api_url="http://127.0.0.1:7860")
    assert "'Laptop', 'Tower' have the same address" in clinic.said("servers", WARNING)


def test_loras_that_are_listed_do_not_prove_that_the_api_is_on(tmp_path: Path) -> None:
    """Without --api, /sdapi/v1/loras answers 200 all the same."""
    forge = SimulatedForge.with_sample_models(api=False)
    said = Clinic(tmp_path, {"Laptop": forge}).said("server Laptop", PROBLEM)
    assert "its API is off" in said
    assert "--api" in said


def test_a_wrong_password_is_a_problem_and_shown_nowhere(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models(api_auth=("me", "right"))
    clinic = Clinic(tmp_path, {"Laptop": forge})
    clinic.change("Laptop", username="me", password="geheim")
    assert "--api-auth" in clinic.said("server Laptop", PROBLEM)
    assert "geheim" not in repr(clinic.examine())


def test_loras_are_shown_without_the_password(tmp_path: Path) -> None:
    """--api-auth protects neither the list of LoRAs nor /internal."""
    forge = SimulatedForge.with_sample_models(api_auth=("me", "right"))
    clinic = Clinic(tmp_path, {"Laptop": forge})
    clinic.change("Laptop", username="me", password="right")
    assert "In spite of --api-auth" in clinic.said("server Laptop", WARNING)


def test_on_this_very_machine_nobody_else_sees_them(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models(api_auth=("me", "right"))
    here = "http://127.0.0.1:7860"
    clinic = Clinic(tmp_path, transport=ForgeSimulator({here: forge}))
    clinic.add("Laptop", api_url=here, username="me", password="right")
    assert not clinic.said("server Laptop", WARNING)


def test_api_server_stop_is_seen_without_stopping_the_server(tmp_path: Path) -> None:
    transport = StoppableForge(SimulatedForge.with_sample_models())
    clinic = Clinic(tmp_path, transport=transport)
    clinic.add("Laptop")
    assert "--api-server-stop" in clinic.said("server Laptop", WARNING)
    assert not transport.stopped


def test_a_server_with_nowebui_cannot_tell_tasks(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models(webui=False)
    assert "--nowebui" in Clinic(tmp_path, {"Laptop": forge}).said("server Laptop", WARNING)


def test_one_option_of_a_wrong_type_hides_all_options(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models()
    transport = ForgeSimulator(forge)
    body = {"CLIP_stop_at_last_layers": "many"}
    transport.send(Request(method="POST", url="http://laptop:7860/sdapi/v1/options", json=body))
    clinic = Clinic(tmp_path, {"Laptop": forge})
    assert "wrong type" in clinic.said("server Laptop", WARNING)


def test_a_server_without_checkpoints_can_run_nothing(tmp_path: Path) -> None:
    said = Clinic(tmp_path, {"Laptop": SimulatedForge(ForgeDisk())}).said("server Laptop", PROBLEM)
    assert "no checkpoint" in said


def test_little_memory_is_a_warning(tmp_path: Path) -> None:
    forges = {"Laptop": SimulatedForge.with_sample_models()}
    clinic = Clinic(tmp_path, forges, settings=Settings(memory_reserve=30e9))
    assert "only 24.5 GB of memory" in clinic.said("server Laptop", WARNING)


def test_a_disabled_server_is_not_asked(tmp_path: Path) -> None:
    forge = SimulatedForge.with_sample_models()
    clinic = Clinic(tmp_path, {"Laptop": forge})
    clinic.change("Laptop", enabled=False)
    assert clinic.said("server Laptop") == "ok: It is disabled, and was not asked."
    assert not forge.requests


def test_a_paused_server_is_a_warning(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, {"Laptop": SimulatedForge.with_sample_models()})
    clinic.change("Laptop", paused=True)
    assert "paused" in clinic.said("server Laptop", WARNING)


def test_no_server_at_all_is_a_warning(tmp_path: Path) -> None:
    assert "no server" in Clinic(tmp_path).said("servers", WARNING)


def test_what_may_hold_secrets_is_not_asked_for(tmp_path: Path) -> None:
    """/sdapi/v1/cmd-flags and /internal/sysinfo print the password of --gradio-auth."""
    forge = SimulatedForge.with_sample_models()
    Clinic(tmp_path, {"Laptop": forge}).examine()
    paths = {request.path for request in forge.requests}
    assert paths
    assert not paths & {"/sdapi/v1/cmd-flags", "/internal/sysinfo", "/config", "/"}
    assert not any(path.endswith(("interrupt", "unload-checkpoint")) for path in paths)


class MeetingPoint(Transport):
    """Servers that answer only when all of them have been asked."""

    def __init__(self, forge: SimulatedForge, servers: int) -> None:
        self._inner = ForgeSimulator(forge)
        self._all_here = threading.Barrier(servers)
        self._met: set[str] = set()

    def _send(self, request: Request, abort: Abort) -> StreamedResponse:
        if request.place not in self._met:
            self._met.add(request.place)
            try:
                self._all_here.wait(5)
            except threading.BrokenBarrierError:
                raise ConnectFailed("The others were not asked.") from None
        return self._inner.stream(request)

    def close(self) -> None:
        """There is nothing to close."""


def test_all_servers_are_asked_at_the_same_time(tmp_path: Path) -> None:
    transport = MeetingPoint(SimulatedForge.with_sample_models(), servers=8)
    clinic = Clinic(tmp_path, transport=transport)
    for number in range(8):
        clinic.add(f"S{number}")
    diagnosis = clinic.examine()
    of_servers = [each for each in diagnosis.findings if each.subject.startswith("server ")]
    assert [each.verdict for each in of_servers] == [OK] * 8


def test_a_server_that_accepts_and_never_answers_holds_nobody_up(tmp_path: Path) -> None:
    mute, well = SimulatedForge.with_sample_models(), SimulatedForge.with_sample_models()
    mute.faults.next("*", Fault.HANG, times=None)
    settings = Settings(answer_timeout=0.2)
    clinic = Clinic(tmp_path, {"Mute": mute, "Laptop": well}, settings=settings)
    diagnosis = clinic.examine()
    mute.faults.clear()
    assert {each.subject for each in bad(diagnosis)} == {"server Mute"}


def test_servers_of_another_kind_are_asked_nothing_that_only_a_forge_understands(
    tmp_path: Path,
) -> None:
    forge = SimulatedForge.with_sample_models(webui=False)
    clinic = Clinic(tmp_path, {"Laptop": forge})
    clinic.premises = evolve(clinic.premises, transport=None)
    assert not clinic.said("server Laptop", WARNING)
