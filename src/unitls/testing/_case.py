"""What a case is, and how one is declared."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from ..api._features import Feature
from ..api._versions import TLSVersion
from ._kit import Drive, Kit

EVERY_DRIVE: Final = (Drive.WHOLE, Drive.BYTES, Drive.SOCKETS)
BUFFERS: Final = (Drive.WHOLE, Drive.BYTES)
QUICK: Final = (Drive.WHOLE, Drive.SOCKETS)
ONCE: Final = (Drive.WHOLE,)

TLS12: Final = (TLSVersion.TLSv1_2,)
TLS13: Final = (TLSVersion.TLSv1_3,)
BOTH: Final = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)
UNBOUND: Final = (None,)
"""The version is left to the two ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One behaviour to check.

    Attributes:
        name: stable, as it stands in ``expectations.toml``.
        rules: the ids of the rules it checks.
        run: the check itself; it raises `NotConforming`.
        about: what it does, in a sentence.
        drives: how the bytes travel, once for each.
        versions: the versions of TLS it is run with; `None` leaves the choice to the ends.
        client_needs: what the client's backend needs.
        server_needs: what the server's backend needs.
    """

    name: str
    rules: tuple[str, ...]
    run: Callable[[Kit], None] = field(repr=False)
    about: str = ""
    drives: tuple[Drive, ...] = EVERY_DRIVE
    versions: tuple[TLSVersion | None, ...] = BOTH
    client_needs: frozenset[Feature] = frozenset()
    server_needs: frozenset[Feature] = frozenset()


_declared: Final[dict[str, Case]] = {}


def declare(case: Case) -> Case:
    """Add `case` to the kit.

    Raises:
        ValueError: there is one of that name.
    """
    if case.name in _declared:
        raise ValueError(f"two cases are called {case.name}")
    _declared[case.name] = case
    return case


def case(
    *rules: str,
    drives: tuple[Drive, ...] = EVERY_DRIVE,
    versions: tuple[TLSVersion | None, ...] = BOTH,
    needs: Iterable[Feature] = (),
    client: Iterable[Feature] = (),
    server: Iterable[Feature] = (),
) -> Callable[[Callable[[Kit], None]], Callable[[Kit], None]]:
    """Declare the decorated function as a case, named after it.

    Args:
        *rules: the ids of the rules it checks.
        drives: how the bytes travel.
        versions: the versions of TLS.
        needs: what both backends need, next to their roles.
        client: what the client's backend needs.
        server: what the server's backend needs.
    """
    common = frozenset(needs)

    def declaring(function: Callable[[Kit], None]) -> Callable[[Kit], None]:
        declare(
            Case(
                name=function.__name__.replace("_", "-"),
                rules=rules,
                run=function,
                about=(function.__doc__ or "").strip().partition("\n")[0],
                drives=drives,
                versions=versions,
                client_needs=common.union(client, (Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)),
                server_needs=common.union(server, (Feature.SERVER,)),
            )
        )
        return function

    return declaring


def declared() -> dict[str, Case]:
    """Every case declared so far, by name."""
    return dict(_declared)
