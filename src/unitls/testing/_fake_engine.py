"""The fake library's side of one connection, and the script it follows."""

from __future__ import annotations

import enum
import hashlib
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from ..api._errors import VerifyFailure
from ..api._protocols import ClientAuthentication
from ..api._sessions import Session
from ..api._versions import TLSVersion
from ..core._client_hello import ClientHello, HelloError, parse_client_hello
from ..core._provider import ConnectionPlan, Engine
from ..core._records import HEADER
from ..core._settings import Settings, enabled_suites
from ..core._x509 import certificate_fields
from . import _fake_wire as wire

if TYPE_CHECKING:
    from ._fake import FakeProvider


class Outcome(enum.Enum):
    """How a call into the fake library can end, other than well."""

    WANT_READ = "more has to come in"
    WANT_WRITE = "something has to go out"
    CLOSED = "the peer has sent close_notify"
    RAGGED = "the transport has ended"
    ALERT = "the peer has sent an alert"
    UNVERIFIED = "the certificate is not acceptable"
    VIOLATION = "the peer has sent what it must not"
    BUG = "the library has failed"


class FakeFault(Exception):
    """The fake library's own exception.

    Args:
        outcome: what happened.
        text: more about it.
        **attributes: what the error of ours takes.
    """

    def __init__(self, outcome: Outcome, text: str = "", **attributes: Any) -> None:
        super().__init__(text or outcome.value)
        self.outcome = outcome
        self.attributes = attributes


class FakeWantRead(FakeFault):
    """More has to come in: an exception type of its own, as some libraries have one."""

    def __init__(self) -> None:
        super().__init__(Outcome.WANT_READ)


Turn: TypeAlias = Outcome | BaseException | Callable[[], object] | None


@dataclass(slots=True)
class Script:
    """What a fake library does out of the ordinary. One script serves all connections of its backend.

    Attributes:
        turns: for each operation (``handshake``, ``read``, ``write``, ``shutdown``) what its next calls come to: an
            `Outcome` or an exception is raised, a callable is called before the operation goes on, and `None` lets it
            go on. A list that is used up lets every call go on.
        short_write: how many bytes a single write takes at most.
        rounds: how many further exchanges a server wants before the handshake is done.
        end_is_want_read: at the end of the transport the library only says that it needs more.
        clean_end_is_empty: the peer's close_notify is an empty result instead of a fault.
        chain_is_late: the peer's chain is known only when the handshake is done.
        version: what the library says was negotiated, instead of what was.
        cipher: likewise.
        tickets: whether a server gives a ticket after the handshake.
        trusts_all: the library's own verification accepts everything (core's comes on top).
    """

    turns: dict[str, list[Turn]] = field(default_factory=dict)
    short_write: int | None = None
    rounds: int = 0
    end_is_want_read: bool = False
    clean_end_is_empty: bool = False
    chain_is_late: bool = False
    version: int | None = None
    cipher: int | None = None
    tickets: bool = True
    trusts_all: bool = False


class FakeEngine(Engine):
    """One connection of the fake library. A call during another one is an `AssertionError`: core must not do that."""

    def __init__(
        self, provider: FakeProvider, settings: Settings, plan: ConnectionPlan, incoming: Any, outgoing: Any
    ) -> None:
        self._provider, self._script = provider, provider.script
        self._settings, self._plan = settings, plan
        self._incoming, self._outgoing = incoming, outgoing
        self._busy = threading.Lock()
        self._held = bytearray()
        self._plain = b""
        self._broken: FakeFault | None = None
        self._flow = self._server() if plan.server_side else self._client()
        self._begun = self._done = self._resumed = False
        self._agreed: Mapping[str, Any] = {}
        self._sent: list[bytes] = []
        self._path: list[bytes] = []
        self._ticket: bytes | None = None
        self.read, self.read_into = self._read, self._read_into
        self.write, self.pending = self._write, lambda: len(self._plain)

    # ------------------------------------------------------------------------------------------ operations

    @contextmanager
    def _operation(self, name: str) -> Iterator[None]:
        """Run one call: alone, after what the script says, and failing for good once it has failed."""
        if not self._busy.acquire(blocking=False):
            raise AssertionError("the engine was called while another call was under way")
        try:
            self._take_turn(name)
            if self._broken is not None:
                raise self._broken
            yield
        except FakeFault as fault:
            if fault.outcome not in (Outcome.WANT_READ, Outcome.WANT_WRITE, Outcome.CLOSED):
                self._broken = fault
            raise
        finally:
            self._busy.release()

    def _take_turn(self, name: str) -> None:
        turns = self._script.turns.get(name)
        turn = turns.pop(0) if turns else None
        if isinstance(turn, Outcome):
            raise FakeWantRead() if turn is Outcome.WANT_READ else FakeFault(turn)
        if isinstance(turn, BaseException):
            raise turn
        if turn is not None:
            turn()

    def handshake(self) -> None:
        """Take the handshake as far as it goes."""
        with self._operation("handshake"):
            if not self._begun:
                self._begun = True
                next(self._flow)
            while not self._done:
                body = self._expect()
                try:
                    self._flow.send(body)
                except StopIteration:
                    self._done = True

    def _read(self, size: int) -> bytes:
        with self._operation("read"):
            while not self._plain:
                kind, body = self._record()
                if kind == wire.ALERT and body == wire.CLOSE_NOTIFY:
                    self._held[:0] = wire.record(kind, body)  # so that the next call meets it again
                    if self._script.clean_end_is_empty:
                        return b""
                self._accept(kind, body)
            data, self._plain = self._plain[:size], self._plain[size:]
            return data

    def _read_into(self, size: int, buffer: Any) -> int:
        data = self._read(size)
        buffer[: len(data)] = data
        return len(data)

    def _write(self, data: Any) -> int:
        with self._operation("write"):
            taken = bytes(data)[: min(wire.MAX_PLAINTEXT, self._script.short_write or wire.MAX_PLAINTEXT)]
            self._put(wire.DATA, wire.seal(taken))
            return len(taken)

    def shutdown(self) -> None:
        """Put close_notify to the outgoing buffer."""
        with self._operation("shutdown"):
            self._put(wire.ALERT, wire.CLOSE_NOTIFY)

    def update_keys(self) -> None:
        """Send a KeyUpdate that asks for an answer."""
        self._put(wire.KEY_UPDATE, b"\1")

    # ------------------------------------------------------------------------------------------ records

    def _put(self, kind: int, body: bytes) -> None:
        self._outgoing.write(wire.record(kind, body))

    def _record(self) -> tuple[int, bytes]:
        """The next record, complete; what there is of it is taken in before."""
        self._fill(HEADER)
        length = wire.body_length(bytes(self._held[:HEADER]))
        if length > wire.MAX_BODY:
            self._fail(22, "a record is over the limit")
        self._fill(HEADER + length)
        kind, body = self._held[0], bytes(self._held[HEADER : HEADER + length])
        del self._held[: HEADER + length]
        return kind, body

    def _fill(self, size: int) -> None:
        self._held += self._incoming.read(max(0, size - len(self._held)))
        if len(self._held) < size:
            if self._incoming.eof and not self._script.end_is_want_read:
                raise FakeFault(Outcome.RAGGED)
            raise FakeWantRead

    def _accept(self, kind: int, body: bytes) -> None:
        """Take in a record after the handshake."""
        if kind == wire.DATA:
            self._plain = wire.unseal(body) or b""
            if not self._plain and len(body) != wire.TAG:
                self._fail(20, "a record could not be decrypted")
        elif kind == wire.KEY_UPDATE:
            if body == b"\1":
                self._put(wire.KEY_UPDATE, b"\0")
        elif kind == wire.TICKET:
            self._ticket = body
        else:
            self._alerted(kind, body)
            self._fail(10, "an unexpected record")

    def _expect(self) -> bytes:
        kind, body = self._record()
        if kind != wire.HANDSHAKE:
            self._alerted(kind, body)
            self._fail(10, "an unexpected record")
        return body

    def _alerted(self, kind: int, body: bytes) -> None:
        if kind == wire.ALERT and len(body) == 2:
            if body == wire.CLOSE_NOTIFY:
                raise FakeFault(Outcome.CLOSED)
            raise FakeFault(Outcome.ALERT, f"alert {body[1]}", alert=body[1])

    def _fail(self, alert: int, text: str, outcome: Outcome = Outcome.VIOLATION, **attributes: Any) -> NoReturn:
        self._outgoing.write(wire.fatal(alert))
        raise FakeFault(outcome, text, **attributes)

    # ------------------------------------------------------------------------------------------ the handshake

    def _client(self) -> Generator[None, bytes, None]:
        settings, session = self._settings, self._plan.session
        self._outgoing.write(
            wire.client_hello(
                versions=range(settings.upper, settings.lower - 1, -1),
                suites=self._enabled(),
                server_name=self._plan.server_name,
                alpn=settings.protocols,
                ticket=b"" if session is None else session.native,
            )
        )
        answer = self._message((yield))
        self._agreed, self._resumed = answer, bool(answer.get("resumed"))
        self._learn(answer["chain"])
        for _ in range(answer.get("rounds", 0)):
            self._put(wire.HANDSHAKE, wire.dump())
            self._message((yield))
        self._put(wire.HANDSHAKE, wire.dump(chain=self._own_chain() if answer.get("asks") else ()))

    def _server(self) -> Generator[None, bytes, None]:
        message = yield
        ticket = wire.ticket_of(message)
        asks = self._settings.client_authentication is not ClientAuthentication.NONE
        self._resumed = bool(ticket) and ticket in self._provider.tickets
        self._agreed = self._negotiate(message)
        rounds = self._script.rounds
        answer = wire.dump(**self._agreed, chain=self._own_chain(), asks=asks, rounds=rounds, resumed=self._resumed)
        self._put(wire.HANDSHAKE, answer)
        for _ in range(rounds):
            self._message((yield))
            self._put(wire.HANDSHAKE, wire.dump())
        finished = self._message((yield))
        if asks and (finished["chain"] or self._settings.client_authentication is ClientAuthentication.REQUIRED):
            self._learn(finished["chain"])
        if self._script.tickets:
            self._put(wire.TICKET, self._provider.new_ticket())

    def _message(self, body: bytes) -> Mapping[str, Any]:
        message = wire.load(body)
        if message is None:
            self._fail(50, "a message that cannot be decoded")
        return message

    def _negotiate(self, message: bytes) -> dict[str, Any]:
        hello, settings = self._plan.hello or self._parsed(message), self._settings
        versions = [item for item in hello.versions if settings.lower <= item <= settings.upper]
        suites = [item for item in self._enabled() if item in hello.cipher_suites]
        if not versions or not suites:
            self._fail(70 if not versions else 40, "nothing in common")
        protocols = [item for item in settings.protocols if item in hello.alpn]
        if settings.protocols and hello.alpn and not protocols and self._provider.alpn_mismatch_is_fatal:
            self._fail(120, "no application protocol in common")
        return {
            "version": max(versions),
            "cipher": suites[0],
            "protocol": protocols[0].decode("latin-1") if protocols else None,
        }

    def _parsed(self, message: bytes) -> ClientHello:
        """What core has not read for us, as nothing depends on it."""
        try:
            return parse_client_hello(message[4:])
        except HelloError as error:
            self._fail(error.alert, error.text)

    def _enabled(self) -> tuple[int, ...]:
        return enabled_suites(self._settings, self._provider.capabilities(), self._provider.default_ciphers())

    def _own_chain(self) -> list[bytes]:
        identity = self._settings.identity
        return [] if identity is None else [getattr(item, "der", b"") for item in identity.certificates]

    def _learn(self, chain: list[bytes]) -> None:
        """Look at the peer's chain: an anchor in it, or the name of one as an issuer, is all the fake asks for."""
        self._sent = chain
        if not self._settings.verify:
            return
        if not chain:
            self._fail(116, "the peer sent no certificate", Outcome.UNVERIFIED, failure=VerifyFailure.OTHER)
        anchors = {certificate_fields(der).subject: der for der in self._settings.anchors}
        for index, der in enumerate(chain):
            anchor = der if der in anchors.values() else anchors.get(certificate_fields(der).issuer)
            if anchor is not None:
                self._path = [*chain[: index + 1], *([anchor] if anchor != der else [])]
                return
        if not self._script.trusts_all:
            text = "no path to an anchor"
            self._fail(48, text, Outcome.UNVERIFIED, failure=VerifyFailure.UNKNOWN_ISSUER)

    # ------------------------------------------------------------------------------------------ information

    def version(self) -> int | None:
        """The negotiated version, or what the script says."""
        return self._script.version or self._agreed.get("version")

    def cipher(self) -> int | None:
        """The negotiated suite, or what the script says."""
        return self._script.cipher or self._agreed.get("cipher")

    def protocol(self) -> bytes | None:
        """The protocol agreed on."""
        name = self._agreed.get("protocol")
        return None if name is None else name.encode("latin-1")

    def peer_chain(self) -> list[bytes]:
        """What the peer sent."""
        return [] if self._script.chain_is_late and not self._done else list(self._sent)

    def verified_chain(self) -> list[bytes]:
        """The path to the anchor."""
        return list(self._path)

    def session(self) -> Session | None:
        """The newest ticket, once."""
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return None
        single_use = self.version() == TLSVersion.TLSv1_3
        return Session(ticket, time.time() + 3600, single_use=single_use, owner=self._settings)

    def resumed(self) -> bool | None:
        """Whether the server knew the ticket."""
        return self._resumed

    def group(self) -> int | None:
        """Always x25519, which nobody used."""
        return 0x001D

    def tls_unique(self) -> bytes | None:
        """Twelve bytes that both ends have."""
        return b"unique-bytes"

    def export(self, label: bytes, length: int, context: bytes | None) -> bytes:
        """Bytes that depend on the arguments alone."""
        return hashlib.shake_256(label + b"\0" + (context or b"")).digest(length)
