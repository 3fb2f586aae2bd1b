"""Which name is sent as SNI, and which names the peer's certificate is checked against."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from ..api._errors import ConfigurationError
from ..api._subjects import URI, DNSName, IPAddress, Subject, parse_subject
from ._provider import ConnectionPlan


class InsecureWarning(UserWarning):
    """A check that protects the connection has been switched off."""


class AnySubject(Sequence[Subject]):
    """The marker that switches the check of the peer's name off; see ``unitls.insecure``."""

    def __len__(self) -> int:
        return 0

    def __getitem__(self, index: object) -> Subject:  # type: ignore[override]
        raise IndexError(index)

    def __repr__(self) -> str:
        return "ANY_SUBJECT"


ANY_SUBJECT: Final = AnySubject()


@dataclass(frozen=True, slots=True)
class PeerNames:
    """What a client calls its peer.

    Attributes:
        server_name: the name to send as SNI (A-labels), or `None`.
        subjects: the acceptable subjects; `None` if none is checked.
        key: all of that as a string, which is hashed once only.
        plan: what a connection with these names needs, where it has no session to resume.
    """

    server_name: str | None = None
    subjects: tuple[Subject, ...] | None = None
    key: str = field(init=False, repr=False, compare=False)
    plan: ConnectionPlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", repr((self.server_name, self.subjects)))
        object.__setattr__(self, "plan", ConnectionPlan(False, self.server_name, self.subjects))


NO_NAMES: Final = PeerNames()
"""What a server calls its peer: nothing."""


def peer_names(server_hostname: str | None, valid_subjects: Sequence[Subject] | None, *, validate: bool) -> PeerNames:
    """Resolve the two arguments of a client's ``wrap_*``.

    Raises:
        ConfigurationError: validation is on and there is no name, or a name is none.
    """
    host = None if server_hostname is None else parse_subject(_text(server_hostname))
    server_name = host.name if isinstance(host, DNSName) else None
    if valid_subjects is ANY_SUBJECT:
        _warn_any_subject(validate)
        return PeerNames(server_name, None)
    subjects = None if valid_subjects is None else _checked(valid_subjects)
    if not validate:
        return PeerNames(server_name, None)
    if subjects is not None:
        return PeerNames(server_name, subjects)
    if host is None:
        raise ConfigurationError(
            "a client needs server_hostname or valid_subjects, so that the server's certificate can be checked against it"
        )
    return PeerNames(server_name, (host,))


@lru_cache(maxsize=256)
def names_of(server_hostname: str) -> PeerNames:
    """The usual case, which comes again with each connection to the same server."""
    host = parse_subject(server_hostname)
    return PeerNames(host.name if isinstance(host, DNSName) else None, (host,))


def _text(server_hostname: object) -> str:
    if not isinstance(server_hostname, str):
        raise ConfigurationError(f"server_hostname must be a string, not {type(server_hostname).__name__}")
    return server_hostname


def _checked(subjects: Sequence[Subject]) -> tuple[Subject, ...]:
    if isinstance(subjects, (str, bytes)) or not isinstance(subjects, Iterable):
        raise ConfigurationError(
            f"valid_subjects is a list of DNSName, IPAddress or URI values, not {type(subjects).__name__}"
        )
    names = tuple(subjects)
    if not names:
        raise ConfigurationError("valid_subjects is empty: no certificate could ever match")
    for name in names:
        if not isinstance(name, (DNSName, IPAddress, URI)):
            raise ConfigurationError(f"valid_subjects holds a {type(name).__name__}; use DNSName, IPAddress or URI")
    return names


def _warn_any_subject(validate: bool) -> None:
    if validate:
        sys.audit("unitls.insecure", "ANY_SUBJECT")
        warnings.warn(
            "the name of the peer is not checked: anybody with a certificate from a trusted authority is accepted",
            InsecureWarning,
            stacklevel=5,
        )
