"""The standard library's answer, read into a buffer as it arrives."""

from __future__ import annotations

from http.client import HTTPResponse, IncompleteRead

_READ_AHEAD_BYTES = 16 * 1024  # more than may have come along with the head


class Reply(HTTPResponse):
    """An answer that hands out what has arrived, without another copy of it.

    ``readinto()`` waits until the buffer is full, so from a server that drips it comes back after
    hours, and ``read1()`` makes a new object of each piece.
    """

    _has_read_ahead = True

    def receive_into(self, buffer: memoryview) -> int:
        """Wait until something arrives, and put it into ``buffer``.

        Only for a body that is not chunked, and only if nothing else reads it.

        Returns:
            how many bytes; 0 at the end of the body.

        Raises:
            IncompleteRead: the server hung up before the body's end.
        """
        if self.isclosed():
            return 0
        if self.length is not None:
            buffer = buffer[: self.length]
        count = self._receive_some(buffer) if buffer else 0
        if self.length is not None:
            self.length -= count
        if self.length == 0 or (self.length is None and not count):
            self.close()
        elif not count:
            raise IncompleteRead(b"", self.length)
        return count

    def _receive_some(self, buffer: memoryview) -> int:
        """What was read along with the head, then what the socket has.

        ``fp.readinto1()`` would do, if it did not wait for the socket while it has bytes to give.
        """
        if not self._has_read_ahead:
            return self.fp.raw.readinto(buffer) or 0
        wanted = min(len(buffer), _READ_AHEAD_BYTES)
        data = self.fp.read1(wanted)
        self._has_read_ahead = len(data) == wanted
        buffer[: len(data)] = data
        return len(data)
