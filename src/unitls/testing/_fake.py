"""A fake backend whose library does as a script says: core can be tested without any TLS library.

It gives no security whatever. Two fakes, each with a script of its own, shake hands over real buffers and sockets,
carry data, and fail at the step they are told to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from ..api._backend import Backend
from ..api._certificates import Identity
from ..api._errors import (
    CertificateVerificationError,
    ConfigurationError,
    InternalTLSError,
    PeerAlert,
    ProtocolViolation,
    RaggedEOF,
    TLSError,
    WantReadError,
    WantWriteError,
)
from ..api._features import Capabilities, Feature
from ..api._versions import TLSVersion
from ..core._backend import make_backend
from ..core._memory_buffer import MemoryBuffer
from ..core._provider import ConnectionPlan, Provider
from ..core._settings import Settings
from ._fake_engine import FakeEngine as FakeEngine
from ._fake_engine import FakeFault as FakeFault
from ._fake_engine import FakeWantRead as FakeWantRead
from ._fake_engine import Outcome as Outcome
from ._fake_engine import Script as Script

SUITES: Final = (0x1301, 0x1302, 0xC02B, 0xC02F)
_LACKS: Final = frozenset(
    {
        Feature.CLIENT_CERTIFICATE_CHOICE, Feature.GROUPS, Feature.POST_QUANTUM_GROUPS, Feature.SIGNATURE_ALGORITHMS,
        Feature.TICKET_COUNT, Feature.TICKET_KEYS, Feature.KEY_LOG, Feature.OCSP_STAPLING, Feature.CRLS,
        Feature.VERIFICATION_DEPTH, Feature.POST_HANDSHAKE_AUTHENTICATION, Feature.EARLY_DATA, Feature.ECH,
        Feature.EXTERNAL_PSK, Feature.PKCS11, Feature.EXTERNAL_SIGNER, Feature.PKCS12, Feature.FIPS,
    }
)  # fmt: skip


_CLASSES: Final[Mapping[Outcome, type[TLSError]]] = {
    Outcome.WANT_READ: WantReadError,
    Outcome.WANT_WRITE: WantWriteError,
    Outcome.RAGGED: RaggedEOF,
    Outcome.ALERT: PeerAlert,
    Outcome.UNVERIFIED: CertificateVerificationError,
    Outcome.VIOLATION: ProtocolViolation,
    Outcome.BUG: InternalTLSError,
}


class FakeViolation(ProtocolViolation):
    """The backend's own subclass of one class of ours."""


class FakeBuffer(MemoryBuffer):
    """The buffer type that a fake engine works on; any other is relayed."""

    __slots__ = ()


class FakeProvider(Provider):
    """The fake library.

    Args:
        script: what it does out of the ordinary.
        lacks: features it does not have, on top of those the fake does not play.
        versions: what it can negotiate.
        alpn_mismatch_is_fatal: see `Provider`.
        needs_client_hello: see `Provider`.
        leaves_rest: see `Provider`; the fake does, so that either is true of it.
        tells_want_read: whether core is told which exception type is the want-read signal.

    Attributes:
        built: how many native contexts have been made.
        engines: every engine that was made, in order.
        tickets: the tickets that can be resumed.
    """

    name = "fake"
    library_version = "fake library 1.0"
    fault_types = (FakeFault,)
    buffer_types: ClassVar[tuple[type[Any], ...]] = (FakeBuffer,)
    error_classes: ClassVar[Mapping[type[TLSError], type[TLSError]]] = {ProtocolViolation: FakeViolation}

    def __init__(
        self,
        script: Script | None = None,
        *,
        lacks: frozenset[Feature] = frozenset(),
        versions: tuple[TLSVersion, ...] = (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3),
        alpn_mismatch_is_fatal: bool = False,
        needs_client_hello: bool = False,
        leaves_rest: bool = False,
        tells_want_read: bool = False,
    ) -> None:
        self.script = script or Script()
        # What is one value for all connections of a real library is a choice here.
        choices = {
            "alpn_mismatch_is_fatal": alpn_mismatch_is_fatal,
            "needs_client_hello": needs_client_hello,
            "leaves_rest": leaves_rest,
            "want_read": (FakeWantRead,) if tells_want_read else (),
        }
        vars(self).update(choices)
        self.built = 0
        self.engines: list[FakeEngine] = []
        self.tickets: set[bytes] = set()
        self._capabilities = Capabilities(
            versions=versions, features=frozenset(Feature) - _LACKS - lacks, cipher_suites=SUITES
        )

    def capabilities(self) -> Capabilities:
        """What it plays, without what it was told to lack."""
        return self._capabilities

    def default_ciphers(self) -> tuple[int, ...]:
        """All it has."""
        return SUITES

    def memory_buffer(self) -> FakeBuffer:
        """A new `FakeBuffer`."""
        return FakeBuffer()

    def check_identity(self, identity: Identity) -> None:
        """Refuse what is not in memory."""
        if not all(getattr(item, "der", None) for item in identity.certificates):
            raise self.fault(ConfigurationError, "one of the certificates belongs to another backend")

    def build(self, settings: Settings) -> Settings:
        """The settings are the native context."""
        self.built += 1
        return settings

    def engine(self, native: Settings, plan: ConnectionPlan, incoming: Any, outgoing: Any) -> FakeEngine:
        """Make the engine of one connection."""
        engine = FakeEngine(self, native, plan, incoming, outgoing)
        self.engines.append(engine)
        return engine

    def translate(self, error: BaseException) -> TLSError | None:
        """Map a `FakeFault`."""
        assert isinstance(error, FakeFault)
        if error.outcome is Outcome.CLOSED:
            return None
        attributes = dict(error.attributes)
        if error.outcome is Outcome.ALERT:
            attributes.setdefault("alert", 40)
        return self.fault(_CLASSES[error.outcome], str(error), **attributes)

    def new_ticket(self) -> bytes:
        """A ticket that will be known later."""
        ticket = len(self.tickets).to_bytes(16, "big")
        self.tickets.add(ticket)
        return ticket


def fake_backend(provider: FakeProvider | Script | None = None) -> Backend:
    """Make a backend of its own around a provider, or a script.

    Args:
        provider: a `FakeProvider`, or the script for a new one.

    Returns:
        A backend that is registered nowhere.
    """
    chosen = provider if isinstance(provider, FakeProvider) else FakeProvider(provider)
    return make_backend(chosen, "Fake")
