"""The platform's own verification, where it has one: `TrustStore.system()` then means what it says.

The TLS library does not verify the server there. Core asks the platform as soon as the certificates are known, and nothing
of the client's last flight leaves before it has said yes.
"""

from __future__ import annotations

import functools
import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from ..api._configuration import TLSConfiguration
from ..api._subjects import Subject
from ._leaf_check import Fault

_VERIFIERS: Final = {"win32": "unitls.platforms.windows", "darwin": "unitls.platforms.macos"}


class Verdict(NamedTuple):
    """What came of it.

    Attributes:
        fault: why the peer is refused; `None` if it is not.
        path: the path that is trusted, leaf first; empty after a refusal.
    """

    fault: Fault | None
    path: tuple[bytes, ...] = ()


PlatformJudge: TypeAlias = Callable[[Sequence[bytes], "tuple[Subject, ...] | None"], Verdict]
"""``judge(chain, subjects) -> Verdict``: judges a server by the chain it has sent (leaf first) and its acceptable names."""


class PlatformVerifier(ABC):
    """The verification of servers that an operating system offers to all its programs."""

    name: str
    """Who that is, for a message."""

    @abstractmethod
    def prepare(self, anchors: Sequence[bytes], configuration: TLSConfiguration) -> PlatformJudge:
        """Make what judges all connections of one configuration.

        Args:
            anchors: in DER; a path to any of them is as good as one that the platform itself accepts.
            configuration: ``verification_time`` and ``verification_depth`` count.

        Raises:
            ConfigurationError: the platform does not take the anchors.
        """


@functools.cache
def platform_verifier() -> PlatformVerifier | None:
    """This platform's; `None` where the system has anchors and no verification, as Linux and the BSDs."""
    module = _VERIFIERS.get(sys.platform)
    if module is None:
        return None
    # By name, as the registry loads backends: core itself knows no system's library.
    found: Any = importlib.import_module(module)
    verifier: PlatformVerifier = found.VERIFIER
    return verifier
