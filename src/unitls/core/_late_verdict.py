"""Core's own verdict on a certificate that comes after the handshake (RFC 8446 section 4.6.2).

In the handshake core gives it between two steps. Later the library meets the certificate in the midst of a read, and the
engine asks for the verdict there, so that the peer gets an alert and nothing that came behind it is given out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..api._configuration import TLSConfiguration
from ..api._errors import CertificateVerificationError
from ._leaf_check import Fault
from ._provider import ConnectionPlan, Engine, Provider
from ._verdict import judge

LateCheck: TypeAlias = Callable[[ConnectionPlan, Engine], Fault | None]
"""`late_fault` for one configuration of one backend."""


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
        judge(provider, configuration, plan, engine)
    except CertificateVerificationError as error:
        return Fault(error.failure, str(error), error.subject)
    return None
