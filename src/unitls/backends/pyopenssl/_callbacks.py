"""What runs inside OpenSSL's calls: choices of protocol and certificate, the check of a stapled response, the key log.

An exception cannot pass through OpenSSL. It is kept (`native.KEPT`), and raised by the call that it happened in.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ...api._certificates import Identity
from ...api._configuration import CertificateChooser
from ...core._client_hello import HelloError, parse_client_hello
from ...core._clock import time_by
from ...core._key_log import append_to_key_log
from ...core._ocsp import ocsp_fault
from ...core._settings import Settings
from . import native
from .native import KEPT, NULL, SSL, ffi, lib

if TYPE_CHECKING:
    from .config import Native

_HANDSHAKE: Final = 22
_CLIENT_HELLO: Final = 1
_ENCRYPTED_EXTENSIONS: Final = 8
_HEADER: Final = 4
_EARLY_DATA: Final = 42
_MOST_EARLY: Final = 16384
"""What OpenSSL takes without being told otherwise (SSL_CTX_set_recv_max_early_data), for which the binding has nothing."""


def set_protocols(context: SSL.Context, protocols: Sequence[bytes], server_side: bool) -> None:
    """Negotiate an application protocol (RFC 7301); on a server our order decides."""
    if not server_side:
        context.set_alpn_protos(list(protocols))
        return

    def choose(connection: SSL.Connection, offered: list[bytes]) -> Any:
        return next((name for name in protocols if name in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

    context.set_alpn_select_callback(choose)


def set_key_log(context: SSL.Context, path: str) -> None:
    """Append the secrets of each connection to the file at `path`."""

    def log(connection: SSL.Connection, line: bytes) -> None:
        try:
            append_to_key_log(path, line + b"\n")
        except OSError as error:
            KEPT.problem = error

    context.set_keylog_callback(log)


def set_ocsp_check(context: SSL.Context, clock: Callable[[], float] | None) -> None:
    """On a client: refuse a server that has not stapled a good OCSP response; OpenSSL sends the alert.

    A resumed session has none: it was checked when the session was made.
    """

    def is_good(connection: Any, response: bytes, data: object) -> bool:
        ssl = connection._ssl
        if lib.SSL_session_reused(ssl):
            return True
        path = native.ders_of(lib.SSL_get0_verified_chain(ssl))
        try:
            KEPT.fault = ocsp_fault(response, path, time_by(clock))
        except BaseException as error:
            KEPT.problem = error
            return False
        return KEPT.fault is None

    context.set_ocsp_client_callback(is_good)


def set_chooser(
    context: Any, settings: Settings, choose: CertificateChooser, build: Callable[[Settings], Native]
) -> tuple[Any, ...]:
    """On a client: let `choose` pick the certificate, once the server has said whose it takes.

    OpenSSL has no chain of certificates for a single connection, so the connection moves to a context that has the
    chosen one, or none, and is the same otherwise. Contexts of the identities chosen last are kept.

    Returns:
        What has to live as long as the context.
    """
    configuration = replace(settings.configuration, choose_certificate=None)  # type: ignore[call-arg]

    @functools.lru_cache(maxsize=16)
    def context_for(identity: Identity | None) -> Native:
        made: Any = build(replace(settings, configuration=configuration, identity=identity))
        lib.SSL_CTX_set_cert_cb(made.raw._context, on_request, NULL)  # the server may ask again
        return made  # type: ignore[no-any-return]

    @ffi.callback("int (*)(SSL *, void *)", error=0, onerror=native.keep_problem)  # type: ignore[untyped-decorator]
    def on_request(ssl: Any, argument: Any) -> int:
        chosen: Any = context_for(choose(tuple(native.authorities(ssl))))
        lib.SSL_set_SSL_CTX(ssl, chosen.raw._context)
        KEPT.chosen = chosen
        return 1

    lib.SSL_CTX_set_cert_cb(context._context, on_request, NULL)
    return (on_request,)


def set_early_data(context: Any, limit: int) -> None:
    """Let connections begin with early data.

    A server that takes it keeps its sessions in memory, and uses each once, so that nothing is taken twice.

    Args:
        limit: how much a server takes.
    """
    lib.SSL_CTX_set_msg_callback(context._context, keep_answer)
    if limit:
        lib.SSL_CTX_set_max_early_data(context._context, min(limit, _MOST_EARLY))


@ffi.callback("void (*)(int, int, int, void *, size_t, SSL *, void *)", onerror=native.keep_problem)  # type: ignore[untyped-decorator]
def keep_answer(is_written: int, version: int, kind: int, data: Any, size: int, ssl: Any, argument: Any) -> None:
    """Note what the messages of a handshake say of early data."""
    if kind != _HANDSHAKE or size < _HEADER:
        return
    message = bytes(ffi.buffer(data, size))
    if message[0] == _CLIENT_HELLO and not is_written:
        with contextlib.suppress(HelloError):  # OpenSSL says what is wrong with it
            KEPT.offered = KEPT.offered or parse_client_hello(message[_HEADER:]).early_data
    elif message[0] == _ENCRYPTED_EXTENSIONS:
        KEPT.accepted = _EARLY_DATA in _extensions(message[_HEADER + 2 :])


def _extensions(block: bytes) -> set[int]:
    found = set[int]()
    while len(block) >= _HEADER:
        found.add(int.from_bytes(block[:2], "big"))
        block = block[_HEADER + int.from_bytes(block[2:4], "big") :]
    return found
