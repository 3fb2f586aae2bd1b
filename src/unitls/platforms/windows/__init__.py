"""Windows' verification: its engine for chains, and its policy for TLS (CertGetCertificateChain)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Final

from ...api._configuration import TLSConfiguration
from ...api._errors import ConfigurationError
from ...core._platform import PlatformJudge, PlatformVerifier
from ._library import CallFailed, Library, library
from ._verdict import judge, policy_for


class WindowsVerifier(PlatformVerifier):
    """The verification of Windows.

    Args:
        put: a library in the place of Windows' own.
    """

    name = "Windows"

    def __init__(self, put: Library | None = None) -> None:
        self._put = put

    def prepare(self, anchors: Sequence[bytes], configuration: TLSConfiguration) -> PlatformJudge:
        known = library() if self._put is None else self._put
        try:
            return functools.partial(judge, policy_for(known, anchors, configuration))
        except CallFailed as error:
            raise ConfigurationError(
                f"Windows does not take the trust store: {error.text} says 0x{error.code:08X}"
            ) from error


VERIFIER: Final = WindowsVerifier()
