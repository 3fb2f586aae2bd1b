"""The few assertions of the conformance kit: plain functions that also work under ``python -O``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

E = TypeVar("E", bound=BaseException)
T = TypeVar("T")

_SHOWN = 200


class NotConforming(AssertionError):
    """A backend does not do what a rule says. The message says which behaviour was found, and which was due."""


class NotApplicable(Exception):
    """A check says nothing about this backend here. The message says why."""


def require(condition: object, text: str) -> None:
    """Raise `NotConforming` with `text` unless `condition` holds."""
    if not condition:
        raise NotConforming(text)


def equal(found: Any, due: Any, what: str) -> None:
    """Raise `NotConforming` unless both values are equal."""
    if found != due:
        raise NotConforming(f"{what}: found {_shown(found)}, due {_shown(due)}")


def same(found: Any, due: Any, what: str) -> None:
    """Raise `NotConforming` unless both are the same object (`None`, a member of an enumeration, a context)."""
    if found is not due:
        raise NotConforming(f"{what}: found {_shown(found)}, due {_shown(due)}")


def raises(kind: type[E], call: Callable[..., Any], what: str) -> E:
    """Run `call`, and give the error of `kind` that it raises.

    Args:
        kind: the class it has to be an instance of.
        call: what to run, without arguments.
        what: what is done, for the message.

    Raises:
        NotConforming: it raised nothing, or something else.
    """
    try:
        value = call()
    except kind as error:
        return error
    except Exception as error:
        raise NotConforming(f"{what}: raised {error!r}, due {kind.__name__}") from error
    raise NotConforming(f"{what}: gave {_shown(value)}, due {kind.__name__}")


def instance(error: BaseException | None, kind: type[E], what: str) -> E:
    """Give `error` back, which has to be an instance of `kind`.

    Raises:
        NotConforming: there is none, or it is another.
    """
    if isinstance(error, kind):
        return error
    raise NotConforming(f"{what}: found {error!r}, due {kind.__name__}") from error


def present(value: T | None, what: str) -> T:
    """Give `value` back, which must not be `None`."""
    if value is None:
        raise NotConforming(f"{what}: found None")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
