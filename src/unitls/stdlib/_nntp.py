"""A client of NNTP (RFC 3977), where the standard library has none: it was removed in Python 3.13.

Names, parameters and results are those of the standard ``nntplib``.
"""

from __future__ import annotations

import datetime
import netrc
import re
import socket
import sys
from collections.abc import Iterable
from typing import Any, Final

from ._nntp_lines import Lines
from ._nntp_values import DEFAULT_OVERVIEW as DEFAULT_OVERVIEW
from ._nntp_values import ArticleInfo as ArticleInfo
from ._nntp_values import GroupInfo as GroupInfo
from ._nntp_values import NNTPDataError as NNTPDataError
from ._nntp_values import NNTPError as NNTPError
from ._nntp_values import NNTPPermanentError as NNTPPermanentError
from ._nntp_values import NNTPProtocolError as NNTPProtocolError
from ._nntp_values import NNTPReplyError as NNTPReplyError
from ._nntp_values import NNTPTemporaryError as NNTPTemporaryError
from ._nntp_values import decode_header as decode_header
from ._nntp_values import format_date, overview, overview_format, parse_date
from ._upgrade import DEFAULT_TIMEOUT

__all__ = [
    "ArticleInfo", "GroupInfo", "NNTP", "NNTPDataError", "NNTPError", "NNTPPermanentError", "NNTPProtocolError",
    "NNTPReplyError", "NNTPTemporaryError", "NNTP_PORT", "NNTP_SSL_PORT", "decode_header",
]  # fmt: skip

NNTP_PORT: Final = 119
NNTP_SSL_PORT: Final = 563


class NNTP(Lines):
    """A connection to a news server.

    Args:
        host: the server.
        port: the port.
        user: logs in, if it is given.
        password: the password.
        readermode: whether to send MODE READER first.
        usenetrc: whether to look up user and password in ``~/.netrc``.
        timeout: seconds for each call.

    Raises:
        NNTPError: what the server says is an error.
        OSError: the connection fails.
        EOFError: the server closes it.
    """

    def __init__(
        self,
        host: str,
        port: int = NNTP_PORT,
        user: str | None = None,
        password: str | None = None,
        readermode: bool | None = None,
        usenetrc: bool = False,
        timeout: float | None = DEFAULT_TIMEOUT,
    ) -> None:
        self.host, self.port = host, port
        self.sock = self._create_socket(timeout)
        try:
            self.file = self.sock.makefile("rwb")
            self._base_init(readermode)
            if user or usenetrc:
                self.login(user, password, usenetrc)
        except BaseException:
            self._close()
            raise

    def _create_socket(self, timeout: float | None) -> socket.socket:
        if timeout is not None and not timeout:
            raise ValueError("Non-blocking socket (timeout=0) is not supported")
        sys.audit("nntplib.connect", self, self.host, self.port)
        return socket.create_connection((self.host, self.port), timeout)

    def _base_init(self, readermode: bool | None) -> None:
        self.tls_on = self.authenticated = self.readermode_afterauth = False
        self._caps: dict[str, list[str]] | None = None
        self.welcome = self._getresp()
        if readermode and "READER" not in self.getcapabilities():
            self._setreadermode()
        self.getcapabilities()

    def _setreadermode(self) -> None:
        """MODE READER; some servers want to know first who is there, and have to be asked again then."""
        try:
            self.welcome = self._shortcmd("MODE READER")
        except NNTPPermanentError:
            return  # it has only one mode
        except NNTPTemporaryError as error:
            if not error.response.startswith("480"):
                raise
            self.readermode_afterauth = True
            return
        self.readermode_afterauth = False
        self._caps = None

    def __enter__(self) -> NNTP:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if hasattr(self, "file"):
            try:
                self.quit()
            except (OSError, EOFError):
                pass  # it is gone already
            finally:
                self._close()

    # ------------------------------------------------------------------------------------------ session

    def getwelcome(self) -> str:
        """Give the server's welcome: 200 where one may post, 201 where not."""
        return self.welcome

    def getcapabilities(self) -> dict[str, list[str]]:
        """Give what `capabilities` gave at first, or after the last change of the session; empty if it is not known."""
        if self._caps is None:
            self.nntp_version, self.nntp_implementation = 1, None
            try:
                _, self._caps = self.capabilities()
            except (NNTPPermanentError, NNTPTemporaryError):
                self._caps = {}
            self.nntp_version = max((int(item) for item in self._caps.get("VERSION", ()) if item.isdigit()), default=1)
            if "IMPLEMENTATION" in self._caps:
                self.nntp_implementation = " ".join(self._caps["IMPLEMENTATION"])
        return self._caps

    def capabilities(self) -> tuple[str, dict[str, list[str]]]:
        """Ask for the capabilities (RFC 3977 section 5.2): the answer, and by name what belongs to each."""
        answer, lines = self._longcmdstring("CAPABILITIES")
        words = (line.split() for line in lines)
        return answer, {name: more for name, *more in (item for item in words if item)}

    def login(self, user: str | None = None, password: str | None = None, usenetrc: bool = True) -> None:
        """Log in with AUTHINFO USER (RFC 4643), by `user` and `password` or by what ``~/.netrc`` has (`usenetrc`).

        Raises:
            ValueError: somebody is logged in already, or there is nobody to log in.
        """
        if self.authenticated:
            raise ValueError("Already logged in.")
        if not user and not usenetrc:
            raise ValueError("At least one of `user` and `usenetrc` must be specified")
        if not user:
            user, password = self._from_netrc()
        if not user:
            return
        answer = self._shortcmd(f"AUTHINFO USER {user}")
        if answer.startswith("381"):
            if not password:
                raise NNTPReplyError(answer)
            answer = self._shortcmd(f"AUTHINFO PASS {password}")
        if not answer.startswith("281"):
            raise NNTPPermanentError(answer)
        self.authenticated = True
        self._caps = None
        if self.readermode_afterauth and "READER" not in self.getcapabilities():
            self._setreadermode()
        self.getcapabilities()

    def _from_netrc(self) -> tuple[str | None, str | None]:
        try:
            found = netrc.netrc().authenticators(self.host)
        except OSError:
            found = None
        return (found[0], found[2]) if found else (None, None)

    def help(self, *, file: Any = None) -> tuple[str, list[str]]:
        """Ask for the server's help text. The lines go to `file` if there is one, here as below."""
        return self._longcmdstring("HELP", file)

    def slave(self) -> str:
        """Say that other clients are behind this one (RFC 977)."""
        return self._shortcmd("SLAVE")

    def date(self) -> tuple[str, datetime.datetime]:
        """Ask for the server's time, in UTC."""
        answer = self._expect("111", "DATE")
        words = answer.split()
        if len(words) != 2:
            raise NNTPDataError(answer)
        return answer, parse_date(words[1])

    def quit(self) -> str:
        """Take leave, and close the connection."""
        try:
            return self._shortcmd("QUIT")
        finally:
            self._close()

    def _close(self) -> None:
        file = self.__dict__.pop("file", None)
        try:
            if file is not None:
                file.close()
        finally:
            self.sock.close()

    # ------------------------------------------------------------------------------------------ groups

    def newgroups(self, date: datetime.date, *, file: Any = None) -> tuple[str, list[GroupInfo]]:
        """List the groups that are new since `date`, to `file` if there is one."""
        answer, lines = self._longcmdstring(f"NEWGROUPS {format_date(date, short=self.nntp_version < 2)}", file)
        return answer, _groups(lines)

    def newnews(self, group: str, date: datetime.date, *, file: Any = None) -> tuple[str, list[str]]:
        """List the message ids of articles in `group` (a pattern) that are new since `date`, to `file` if there is one."""
        return self._longcmdstring(f"NEWNEWS {group} {format_date(date, short=self.nntp_version < 2)}", file)

    def list(self, group_pattern: str | None = None, *, file: Any = None) -> tuple[str, Any]:
        """List groups, all or those that `group_pattern` matches, to `file` if there is one."""
        answer, lines = self._longcmdstring("LIST" if group_pattern is None else f"LIST ACTIVE {group_pattern}", file)
        return answer, _groups(lines)

    def descriptions(self, group_pattern: str) -> tuple[str, dict[str, str]]:
        """Give the descriptions of the groups that `group_pattern` matches, by name."""
        answer, lines = self._longcmdstring(f"LIST NEWSGROUPS {group_pattern}")
        pairs = (line.strip().split(None, 1) for line in lines)
        return answer, {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def description(self, group: str) -> str:
        """Give the description of a group, or of the first that `group` matches; empty if there is none."""
        return next(iter(self.descriptions(group)[1].values()), "")

    def group(self, name: str) -> tuple[str, int, int, int, str]:
        """Go to the group `name`: the answer, how many articles it has, the first and the last of them, and its name."""
        answer = self._expect("211", f"GROUP {name}")
        words = answer.split()[1:5]
        count, first, last = (int(word) for word in [*words, "0", "0", "0"][:3])
        return answer, count, first, last, words[3].lower() if len(words) > 3 else name

    # ------------------------------------------------------------------------------------------ articles

    def stat(self, message_spec: Any = None) -> tuple[str, int, str]:
        """Look for an article: the answer, its number and its message id. `message_spec` is one of these two."""
        return _article(self._shortcmd(_with("STAT", message_spec)))

    def next(self) -> tuple[str, int, str]:
        """Go to the next article; the result is that of `stat`."""
        return _article(self._shortcmd("NEXT"))

    def last(self) -> tuple[str, int, str]:
        """Go to the article before; the result is that of `stat`."""
        return _article(self._shortcmd("LAST"))

    def _artcmd(self, line: str, file: Any) -> tuple[str, ArticleInfo]:
        answer, lines = self._longcmd(line, file)
        answer, number, message_id = _article(answer)
        return answer, ArticleInfo(number, message_id, lines)

    def head(self, message_spec: Any = None, *, file: Any = None) -> tuple[str, ArticleInfo]:
        """Fetch the headers of the article `message_spec` (see `stat`), to `file` if there is one."""
        return self._artcmd(_with("HEAD", message_spec), file)

    def body(self, message_spec: Any = None, *, file: Any = None) -> tuple[str, ArticleInfo]:
        """Fetch the body of the article `message_spec` (see `stat`), to `file` if there is one."""
        return self._artcmd(_with("BODY", message_spec), file)

    def article(self, message_spec: Any = None, *, file: Any = None) -> tuple[str, ArticleInfo]:
        """Fetch the article `message_spec` (see `stat`), to `file` if there is one."""
        return self._artcmd(_with("ARTICLE", message_spec), file)

    def xhdr(self, hdr: str, str: str, *, file: Any = None) -> tuple[str, Any]:
        """Fetch the header `hdr` of articles (`str`: a number, a range or a message id), with their numbers.

        The lines go to `file` if there is one.
        """
        answer, lines = self._longcmdstring(f"XHDR {hdr} {str}", file)
        found = ((line, re.match(r"([0-9]+) ?(.*)", line)) for line in lines)
        return answer, [match.group(1, 2) if match else line for line, match in found]

    def xover(self, start: int, end: int, *, file: Any = None) -> tuple[str, Any]:
        """Fetch the overview of the articles from `start` to `end`, to `file` if there is one."""
        answer, lines = self._longcmdstring(f"XOVER {start}-{end}", file)
        return answer, overview(lines, self._getoverviewfmt())

    def over(self, message_spec: Any, *, file: Any = None) -> tuple[str, Any]:
        """Fetch an overview, to `file` if there is one.

        `message_spec` is a message id, a pair of numbers (the second may be `None`), or `None` for this article.
        """
        command = "OVER" if "OVER" in self.getcapabilities() else "XOVER"
        if isinstance(message_spec, (tuple, list)):
            start, end = message_spec
            message_spec = f"{start}-{'' if end is None else end}"
        answer, lines = self._longcmdstring(_with(command, message_spec), file)
        return answer, overview(lines, self._getoverviewfmt())

    def _getoverviewfmt(self) -> Any:
        if not hasattr(self, "_cachedoverviewfmt"):
            try:
                _, lines = self._longcmdstring("LIST OVERVIEW.FMT")
            except NNTPPermanentError:
                self._cachedoverviewfmt = [*DEFAULT_OVERVIEW]
            else:
                self._cachedoverviewfmt = overview_format(lines)
        return self._cachedoverviewfmt

    def post(self, data: bytes | bytearray | Iterable[bytes]) -> str:
        """Post an article: `data` is all of it, or its lines."""
        return self._post("POST", data)

    def ihave(self, message_id: Any, data: bytes | bytearray | Iterable[bytes]) -> str:
        """Offer the article `message_id`, which others have posted: `data` is all of it, or its lines."""
        return self._post(f"IHAVE {message_id}", data)

    def _post(self, command: str, data: bytes | bytearray | Iterable[bytes]) -> str:
        self._expect("3", command)
        for line in data.splitlines() if isinstance(data, (bytes, bytearray)) else data:
            line = bytes(line).rstrip(b"\r\n") + b"\r\n"
            self.file.write(b"." + line if line.startswith(b".") else line)
        self.file.write(b".\r\n")
        self.file.flush()
        return self._getresp()


def _with(command: str, message_spec: Any) -> str:
    return command if message_spec is None else f"{command} {message_spec}"


def _groups(lines: Iterable[str]) -> Any:
    words = [line.split() for line in lines]
    if any(len(item) != 4 for item in words):
        raise NNTPDataError("a line of the list of groups has not four words")
    return [GroupInfo(*item) for item in words]


def _article(answer: str) -> tuple[str, int, str]:
    words = answer.split()
    if not answer.startswith("22") or len(words) < 3 or not words[1].isdigit():
        raise NNTPReplyError(answer)
    return answer, int(words[1]), words[2]
