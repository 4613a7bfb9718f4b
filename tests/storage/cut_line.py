"""A line to a PostgreSQL that can be cut: between a change and the answer that tells of it."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from psycopg.conninfo import conninfo_to_dict

SOCKET = ".s.PGSQL.5432"


class CutLine:
    """Passes everything on between its own socket and the server's, until it is told not to.

    Attributes:
        url: of the server, by way of this line.
        waiting: how many have called since it fell silent.
    """

    def __init__(self, url: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="cut-line-")
        self._there = str(Path(str(conninfo_to_dict(url)["host"])) / SOCKET)
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(str(Path(self._folder.name) / SOCKET))
        self._door.listen()
        self._lines: list[tuple[socket.socket, socket.socket]] = []
        self._question: bytes | None = None
        self._swallows = False
        self._notices = False
        self._noticed: tuple[socket.socket, ...] = ()
        self._is_silent = False
        self.waiting = 0
        self.url = self.url_of("postgres")
        threading.Thread(target=self._open_door, daemon=True).start()

    def url_of(self, name: str) -> str:
        """The address of a database of the server, by way of this line."""
        return f"postgresql://postgres@/{name}?host={self._folder.name}"

    def cut_before(self, question: bytes) -> None:
        """The next line on which this is asked is cut: the server never hears of it."""
        self._question, self._swallows, self._notices = question, True, False

    def cut_after(self, question: bytes) -> None:
        """The next line on which this is asked is cut once the server has done it."""
        self._question, self._swallows, self._notices = question, False, False

    def notice(self, question: bytes) -> None:
        """Notice the next line on which this is asked; it goes on."""
        self._question, self._notices = question, True

    def cut_noticed(self) -> None:
        """Cut that line, whatever the server is doing for it."""
        _shut(self._noticed)

    @property
    def was_cut(self) -> bool:
        """Whether what was to be cut was cut."""
        return self._question is None

    def cut_all(self) -> None:
        """Cut every line that there is now."""
        for line in self._lines:
            _shut(line)

    def fall_silent(self) -> None:
        """As a computer that is gone: every line is cut, and who calls is never answered."""
        self._is_silent = True
        self.cut_all()

    def close(self) -> None:
        """No more lines."""
        self._door.close()
        self.cut_all()
        for line in self._lines:
            for end in line:
                end.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _open_door(self) -> None:
        while True:
            try:
                here, _ = self._door.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            if self._is_silent:
                self.waiting += 1
                self._lines.append((here, there))
                continue
            there.connect(self._there)
            self._lines.append((here, there))
            is_cut = threading.Event()
            for source, goal, is_question in ((here, there, True), (there, here, False)):
                threading.Thread(
                    target=self._pass_on, args=(source, goal, is_question, is_cut), daemon=True
                ).start()

    def _pass_on(
        self, source: socket.socket, goal: socket.socket, is_question: bool, is_cut: threading.Event
    ) -> None:
        try:
            while more := source.recv(64 * 1024):
                if is_question and self._question is not None and self._question in more:
                    self._question = None
                    if self._notices:
                        self._noticed = (source, goal)
                    else:
                        is_cut.set()
                        if self._swallows:
                            break
                elif not is_question and is_cut.is_set():
                    # The server has answered, so it is done; nobody hears of it.
                    break
                goal.sendall(more)
        except OSError:
            is_cut.set()
        _shut((source, goal))


def _shut(line: Iterable[socket.socket]) -> None:
    for end in line:
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
