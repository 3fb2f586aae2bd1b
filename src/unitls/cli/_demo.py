"""``unitls demo``: the main job on one screen, and attacks on it."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..api._backend import Backend
from ..api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ..api._context import ClientContext, ServerContext
from ..api._errors import CertificateVerificationError, ProtocolViolation, RaggedEOF, VerifyFailure
from ..api._features import Feature
from ..api._protocols import NextProtocol
from ..api._wrapped import TLSWrappedSocket
from ..registry import get_backend
from ..testing._ca import Issued
from ._authority import Cast, assemble, identity
from ._command import FAILED, OK, Command, choose_backends
from ._loopback import Exchange, Loopback, Payload, Server, tls_server
from ._output import Content, Output, Styled
from ._probe_run import number_name, protocol_name

_PAYLOAD: Final = Payload(1 << 20)
_PROMISED: Final = b"Pay 100 to Alice. Pay nothing to anybody else."


@dataclass(frozen=True, slots=True)
class Attack:
    """Something a client must refuse.

    Attributes:
        title: what is done, in a few words.
        server: what the other end does.
        hostname: whom the client asks for.
        is_refusal: whether an error is the right answer.
        before: what the client does before it starts TLS.
    """

    title: str
    server: Server
    hostname: str
    is_refusal: Callable[[Exception], bool]
    before: Callable[[socket.socket], None] | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``demo``."""
    parser.add_argument("--backend", metavar="NAME", help="the backend of the server; the default one otherwise")


def run(args: argparse.Namespace, output: Output) -> int:
    """Show what unitls does.

    Returns:
        `OK` if each connection worked and each attack was refused, else `FAILED`.
    """
    server, clients, cast = get_backend(args.backend), choose_backends(None), assemble()
    output.line("Certificates: ", cast.origin, ".")
    output.line("Server:       ", f"{server.name} ({server.library_version}), on the loopback interface.")
    output.line()
    with Loopback() as loopback:
        good = _show_connections(loopback, server, clients, cast, output)
        output.line()
        refused = _show_attacks(loopback, server, clients, cast, output)
    output.line()
    if good and refused:
        output.line(Styled("Every connection worked, and every attack was refused.", "good"))
        return OK
    output.line(Styled("This is not as it must be; see above.", "bad"))
    return FAILED


def _show_connections(loopback: Loopback, server: Backend, clients: list[Backend], cast: Cast, output: Output) -> bool:
    output.line(Styled("1 MiB each way, certificates verified, the content checked by its SHA-256", "strong"))
    serve = tls_server(
        _server_context(server, cast.server), lambda wrapped: _PAYLOAD.send_and_check(wrapped, first=False)
    )
    rows: list[list[Content]] = []
    good = True
    for backend in clients:
        begun = time.monotonic()
        done = loopback.exchange(serve, _client_context(backend, cast), cast.hostname, _talk)
        good = good and done.error is None
        rows.append(_connection_row(backend, done, time.monotonic() - begun))
    output.table(["client", "version", "cipher suite", "ALPN", "data", "time"], rows)
    return good


def _talk(wrapped: TLSWrappedSocket) -> list[Content]:
    _PAYLOAD.send_and_check(wrapped, first=True)
    version = wrapped.negotiated_tls_version
    return [
        "?" if version is None else version.name.removeprefix("TLSv").replace("_", "."),
        number_name(wrapped.cipher()) or "?",
        protocol_name(wrapped.negotiated_protocol()) or "none",
    ]


def _connection_row(backend: Backend, done: Exchange, seconds: float) -> list[Content]:
    if done.error is not None:
        return [backend.name, "-", "-", "-", Styled(f"failed: {done.error}", "bad"), f"{seconds * 1000:.0f} ms"]
    return [backend.name, *done.client.value, Styled("intact both ways", "good"), f"{seconds * 1000:.0f} ms"]


def _show_attacks(loopback: Loopback, server: Backend, clients: list[Backend], cast: Cast, output: Output) -> bool:
    output.line(Styled("Attacks, which each client has to refuse", "strong"))
    rows: list[list[Content]] = []
    all_refused = True
    for attack in attacks(server, cast):
        for backend in clients:
            context = _client_context(backend, cast)
            done = loopback.exchange(attack.server, context, attack.hostname, read_to_end, attack.before)
            refused, verdict = _judge(attack, done)
            all_refused = all_refused and refused
            rows.append([attack.title, backend.name, verdict])
    output.table(["attack", "client", "outcome"], rows)
    return all_refused


def attacks(server: Backend, cast: Cast) -> list[Attack]:
    """What is tried."""
    honest = _server_context(server, cast.server)
    impostor = _server_context(server, cast.impostor)
    return [
        Attack(
            "a certificate for another name",
            tls_server(honest, lambda wrapped: wrapped.sendall(_PROMISED)),
            "bank.test",
            lambda error: _is_failure(error, VerifyFailure.NAME_MISMATCH),
        ),
        Attack(
            "a man in the middle with a certificate of his own authority",
            tls_server(impostor, lambda wrapped: wrapped.sendall(_PROMISED)),
            cast.impostor_hostname,
            lambda error: _is_failure(error, VerifyFailure.UNKNOWN_ISSUER, VerifyFailure.SELF_SIGNED),
        ),
        Attack(
            "the connection cut in the middle of a message",
            tls_server(honest, _cut_short),
            cast.hostname,
            lambda error: isinstance(error, RaggedEOF),
        ),
        Attack(
            "plaintext injected behind the reply to STARTTLS",
            _inject,
            cast.hostname,
            lambda error: isinstance(error, ProtocolViolation),
            before=_ask_for_tls,
        ),
    ]


def _is_failure(error: Exception, *failures: VerifyFailure) -> bool:
    return isinstance(error, CertificateVerificationError) and error.failure in failures


def _cut_short(wrapped: TLSWrappedSocket) -> None:
    wrapped.sendall(_PROMISED[:18])
    descriptor = wrapped.detach()  # so that no close_notify is sent
    socket.socket(fileno=descriptor).close()


def _inject(raw: socket.socket) -> None:
    raw.recv(4096)
    raw.sendall(b"220 ready to start TLS\r\n250 the injected answer to the next command\r\n")
    while raw.recv(4096):
        pass


def _ask_for_tls(raw: socket.socket) -> None:
    """What a careless mail client does: it reads the reply, and does not look at what follows."""
    raw.sendall(b"STARTTLS\r\n")
    reply = b""
    while not reply.endswith(b"\n") and (octet := raw.recv(1)):
        reply += octet


def read_to_end(wrapped: TLSWrappedSocket) -> bytes:
    """What a trusting program does: read until the peer is done."""
    received = bytearray()
    while chunk := wrapped.recv(4096):
        received += chunk
    return bytes(received)


def _judge(attack: Attack, done: Exchange) -> tuple[bool, Content]:
    error = done.client.error
    if error is None:
        return False, Styled("ACCEPTED, which it must not be", "bad")
    if not attack.is_refusal(error):
        return False, Styled(f"failed for another reason than it must: {error}", "bad")
    return True, Styled(f"refused: {error}", "good")


def _server_context(backend: Backend, issued: Issued) -> ServerContext:
    return backend.server_context(
        TLSServerConfiguration(identities=(identity(issued),), inner_protocols=_protocols(backend))
    )


def _client_context(backend: Backend, cast: Cast) -> ClientContext:
    return backend.client_context(
        TLSClientConfiguration(trust_store=cast.trust_store, inner_protocols=_protocols(backend))
    )


def _protocols(backend: Backend) -> tuple[NextProtocol, ...]:
    return (NextProtocol.H2, NextProtocol.HTTP1) if backend.capabilities.supports(Feature.ALPN) else ()


COMMAND = Command(
    name="demo",
    summary="make a certificate authority, connect with every backend, and try attacks",
    description=(
        "Make a certificate authority, start a server on the loopback interface, connect to it with every backend\n"
        "that can be used here without being named, send data both ways, show what was negotiated, and try attacks,\n"
        "which have to be refused. Takes a few seconds, and no network."
    ),
    examples="unitls demo\nunitls demo --backend openssl",
    add_arguments=add_arguments,
    run=run,
)
