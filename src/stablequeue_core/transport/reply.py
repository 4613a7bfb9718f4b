"""The standard library's answer, read into a buffer as it arrives."""

from __future__ import annotations

from http.client import HTTPResponse, IncompleteRead


class Reply(HTTPResponse):
    """An answer that hands out what has arrived, without another copy of it.

    ``readinto()`` waits until the buffer is full, so from a server that drips it comes back after
    hours, and ``read1()`` makes a new object of each piece.
    """

    def receive_into(self, buffer: memoryview) -> int:
        """Wait until something arrives, and put it into ``buffer``.

        Only for a body that is not chunked.

        Returns:
            how many bytes; 0 at the end of the body.

        Raises:
            IncompleteRead: the server hung up before the body's end.
        """
        if self.isclosed():
            return 0
        if self.length is not None:
            buffer = buffer[: self.length]
        count: int = self.fp.readinto1(buffer) if buffer else 0
        if self.length is not None:
            self.length -= count
        if not self.length and (self.length == 0 or not count):
            self.close()
        elif not count:
            raise IncompleteRead(b"", self.length)
        return count
