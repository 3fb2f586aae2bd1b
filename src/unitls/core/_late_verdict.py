"""Core's own verdict on a certificate that comes after the handshake (RFC 8446 section 4.6.2).

In the handshake core gives it between two steps. Later the library meets the certificate in the midst of a read, and the
engine asks for the verdict there, so that the peer gets an alert and nothing that came behind it is given out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from ..api._configuration import TLSConfiguration, TLSServerConfiguration
from ..api._errors import CertificateVerificationError, VerifyFailure
from ..api._protocols import ClientAuthentication
from ._leaf_check import Fault
from ._provider import ConnectionPlan, Engine, Provider
from ._verdict import judge

ANOTHER: Final = Fault(VerifyFailure.OTHER, "the client has shown another certificate before")
"""Why a second certificate is refused: who a client is does not change in the midst of a connection."""
LateCheck: TypeAlias = Callable[[ConnectionPlan, Engine], Fault | None]
"""`late_fault` for one configuration of one backend."""


def judge_late(provider: Provider, configuration: TLSConfiguration, plan: ConnectionPlan, engine: Engine) -> None:
    """As `_verdict.judge`, by the same rules whatever a server has asked for in the handshake."""
    if isinstance(configuration, TLSServerConfiguration):  # one that asks later only is not said to verify
        configuration = replace(configuration, client_authentication=ClientAuthentication.REQUIRED)
    judge(provider, configuration, plan, engine)


def late_fault(
    provider: Provider, configuration: TLSConfiguration, plan: ConnectionPlan, engine: Engine
) -> Fault | None:
    """Why the peer's certificate is not accepted: pins and the verification hook included.

    Args:
        provider: the backend.
        configuration: what is asked for.
        plan: what this connection needs.
        engine: it, which tells the new certificate already.
    """
    try:
        judge_late(provider, configuration, plan, engine)
    except CertificateVerificationError as error:
        return Fault(error.failure, str(error), error.subject)
    return None
