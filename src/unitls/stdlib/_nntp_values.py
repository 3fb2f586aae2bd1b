"""What NNTP's answers are made of: errors, tuples, dates and overviews (RFC 3977)."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from email.header import decode_header as _decode
from typing import Any, Final, NamedTuple

DEFAULT_OVERVIEW: Final = ("subject", "from", "date", "message-id", "references", ":bytes", ":lines")
"""The fields that every overview has (RFC 3977 section 8.4)."""
_OLD_NAMES: Final = {"bytes": ":bytes", "lines": ":lines"}


class NNTPError(Exception):
    """The base of what a server's answers raise. Its first argument is the answer, also in ``response``."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.response = args[0] if args else "No response given"


class NNTPReplyError(NNTPError):
    """The answer is one to another command."""


class NNTPTemporaryError(NNTPError):
    """The answer is an error of the group 4xx."""


class NNTPPermanentError(NNTPError):
    """The answer is an error of the group 5xx."""


class NNTPProtocolError(NNTPError):
    """The answer is none."""


class NNTPDataError(NNTPError):
    """The data of an answer are wrong."""


class GroupInfo(NamedTuple):
    """A line of the list of groups (RFC 3977 section 7.6.3); all fields are text."""

    group: str
    last: str
    first: str
    flag: str


class ArticleInfo(NamedTuple):
    """An article, or a part of one."""

    number: int
    message_id: str
    lines: list[bytes]


def decode_header(header_str: str) -> str:
    """Give the text of a header with encoded words (RFC 2047).

    Args:
        header_str: the value of the header, as it came.
    """
    parts = (part.decode(name or "ascii") if isinstance(part, bytes) else part for part, name in _decode(header_str))
    return "".join(parts)


def overview_format(lines: Iterable[str]) -> list[str]:
    """Read the answer to LIST OVERVIEW.FMT (RFC 3977 section 8.4): the names of the fields, in order.

    Raises:
        NNTPDataError: the fields that have to be first are not.
    """
    names = []
    for line in lines:
        name = ":" + line[1:].partition(":")[0] if line.startswith(":") else line.partition(":")[0]
        names.append(_OLD_NAMES.get(name.lower(), name.lower()))
    if tuple(names[: len(DEFAULT_OVERVIEW)]) != DEFAULT_OVERVIEW:
        raise NNTPDataError("LIST OVERVIEW.FMT does not begin with the fields it has to begin with")
    return names


def overview(lines: Iterable[str], names: list[str]) -> list[tuple[int, dict[str, str | None]]]:
    """Read the answer to OVER or XOVER (RFC 3977 section 8.3): for each article its number and fields.

    Raises:
        NNTPDataError: a line has no number, or a further field does not begin with its name.
    """
    found = []
    for line in lines:
        number, *values = line.split("\t")
        fields: dict[str, str | None] = {}
        for index, (name, value) in enumerate(zip(names, values, strict=False)):
            fields[name] = value if index < len(DEFAULT_OVERVIEW) or name.startswith(":") else _full(name, value)
        if not number.isdigit():
            raise NNTPDataError(f"a line of the overview has no number: {line!r}")
        found.append((int(number), fields))
    return found


def _full(name: str, value: str) -> str | None:
    """A further field comes with its name, unless it is empty."""
    if value and value[: len(name) + 2].lower() != f"{name}: ":
        raise NNTPDataError("a further field of the overview does not begin with its name")
    return value[len(name) + 2 :] or None


def parse_date(text: str) -> datetime.datetime:
    """Read the answer to DATE (RFC 3977 section 7.1): ``yyyymmddhhmmss``, in UTC.

    Raises:
        NNTPDataError: it is no date.
    """
    try:
        if len(text) != 14:
            raise ValueError(text)
        return datetime.datetime.strptime(text, "%Y%m%d%H%M%S")
    except ValueError as error:
        raise NNTPDataError(f"{text!r} is no date") from error


def format_date(value: datetime.date, *, short: bool) -> str:
    """Write a date, or the midnight it begins with, as NEWNEWS and NEWGROUPS take it.

    Args:
        value: in UTC.
        short: with a year of two digits, which is all that servers older than RFC 3977 know.

    Raises:
        TypeError: it is no date.
    """
    if not isinstance(value, datetime.date):
        raise TypeError(f"a date or datetime is needed, not {type(value).__name__}")
    return value.strftime("%y%m%d %H%M%S" if short else "%Y%m%d %H%M%S")
