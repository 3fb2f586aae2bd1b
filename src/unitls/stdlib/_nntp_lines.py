"""Commands and answers of NNTP (RFC 3977 section 3), one line after the other."""

from __future__ import annotations

import sys
from typing import IO, Any, Final

from ._nntp_values import NNTPDataError, NNTPPermanentError, NNTPProtocolError, NNTPReplyError, NNTPTemporaryError

_MAX_LINE: Final = 16384
"""Far above the 512 of the RFC: lines of an article and of an overview may be longer."""
_LONG: Final = frozenset(["100", "101", "211", "215", "220", "221", "222", "224", "225", "230", "231", "282"])
"""The answers that are followed by lines of text."""


class Lines:
    """A dialogue over ``file``, which a subclass opens."""

    encoding = "utf-8"
    errors = "surrogateescape"
    debugging = 0
    file: Any

    def set_debuglevel(self, level: int) -> None:
        """Print commands and answers from `level` 1 on, all lines from 2 on."""
        self.debugging = level

    debug = set_debuglevel

    def _putcmd(self, line: str) -> None:
        if "\r" in line or "\n" in line:
            raise ValueError("a command is one line")
        octets = line.encode(self.encoding, self.errors)
        sys.audit("nntplib.putline", self, octets)
        if self.debugging:
            print("*cmd*", repr("AUTHINFO ..." if line.upper().startswith("AUTHINFO") else line))
        self.file.write(octets + b"\r\n")
        self.file.flush()

    def _getline(self) -> bytes:
        """A line with its end."""
        line: bytes = self.file.readline(_MAX_LINE + 1)
        if len(line) > _MAX_LINE:
            raise NNTPDataError("line too long")
        if self.debugging > 1:
            print("*get*", repr(line))
        if not line:
            raise EOFError
        return line

    def _getresp(self) -> str:
        answer = _stripped(self._getline()).decode(self.encoding, self.errors)
        if self.debugging:
            print("*resp*", repr(answer))
        if answer[:1] == "4":
            raise NNTPTemporaryError(answer)
        if answer[:1] == "5":
            raise NNTPPermanentError(answer)
        if answer[:1] not in ("1", "2", "3"):
            raise NNTPProtocolError(answer)
        return answer

    def _shortcmd(self, line: str) -> str:
        self._putcmd(line)
        return self._getresp()

    def _getlongresp(self, file: IO[bytes] | str | bytes | None = None) -> tuple[str, list[bytes]]:
        """An answer and its lines, which go to `file` instead if there is one."""
        if isinstance(file, (str, bytes)):
            with open(file, "wb") as opened:
                return self._getlongresp(opened)
        answer = self._getresp()
        if answer[:3] not in _LONG:
            raise NNTPReplyError(answer)
        lines: list[bytes] = []
        while (line := self._getline()) not in (b".\r\n", b".\n"):
            line = line[1:] if line.startswith(b"..") else line
            if file is None:
                lines.append(_stripped(line))
            else:
                file.write(line)
        return answer, lines

    def _longcmd(self, line: str, file: Any = None) -> tuple[str, list[bytes]]:
        self._putcmd(line)
        return self._getlongresp(file)

    def _longcmdstring(self, line: str, file: Any = None) -> tuple[str, list[str]]:
        answer, lines = self._longcmd(line, file)
        return answer, [item.decode(self.encoding, self.errors) for item in lines]

    def _expect(self, code: str, line: str) -> str:
        answer = self._shortcmd(line)
        if not answer.startswith(code):
            raise NNTPReplyError(answer)
        return answer


def _stripped(line: bytes) -> bytes:
    """A line without its end: CRLF, or one half of that."""
    return line[:-2] if line.endswith(b"\r\n") else line.rstrip(b"\r\n")
