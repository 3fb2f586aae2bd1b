"""A new SSLContext, set up for one connection; and the functions that carry its bytes."""

from __future__ import annotations

import ctypes
from typing import Any, Final

from ...api._configuration import TLSClientConfiguration
from ...core._foreign import Transport, guarded
from ...core._provider import ConnectionPlan
from ...platforms.macos._foundation import Owned, array, string
from . import native
from .config import Native, asks_clients

_copy: Final = ctypes.memmove
_taken: Final = ctypes.string_at


@guarded(native.CLOSED_ABORT)
def _read(transport: Transport, target: int, size: Any) -> int:
    """Give ciphertext from the peer. The end of the transport is noted, as the library has several words for it."""
    wanted: int = size[0]
    incoming, owner = transport.incoming, transport.owner
    part = incoming.read(wanted)
    got = size[0] = len(part)
    _copy(target, part, got)
    if owner is not None:
        owner.follow(part)
    if got == wanted:
        return native.OK
    if incoming.eof:
        if owner is not None:
            owner.at_end = True
        return native.CLOSED_ABORT
    return native.WOULD_BLOCK


@guarded(native.CLOSED_ABORT)
def _write(transport: Transport, source: int, size: Any) -> int:
    """Take ciphertext for the peer; there is always room."""
    transport.outgoing.write(_taken(source, size[0]))
    return native.OK


READ: Final = native.ReadFunction(_read)
WRITE: Final = native.ReadFunction(_write)


def open_session(context: Native, plan: ConnectionPlan, number: int, protocol: bytes | None) -> Owned:
    """Make and set up an SSLContext.

    Args:
        context: what the connections of its configuration share.
        plan: what this one needs.
        number: the number of its `Transport`.
        protocol: on a server, the protocol to agree on.

    Raises:
        native.Error: the library does not take it.
    """
    security, settings = native.frameworks().security, context.settings
    side = native.SERVER_SIDE if plan.server_side else native.CLIENT_SIDE
    session = Owned(security.SSLCreateContext(None, side, native.STREAM))
    check = native.check
    check(security.SSLSetIOFuncs(session, READ, WRITE))
    check(security.SSLSetConnection(session, number))
    check(security.SSLSetProtocolVersionMin(session, native.VERSIONS[settings.lower]))
    check(security.SSLSetProtocolVersionMax(session, native.VERSIONS[settings.upper]))
    check(security.SSLSetEnabledCiphers(session, context.suites, context.count))
    chooses = getattr(settings.configuration, "choose_certificate", None) is not None
    if context.identity is not None and not chooses:
        check(security.SSLSetCertificate(session, context.identity))
    offered = ((protocol,) if protocol else ()) if plan.server_side else settings.protocols
    if offered:
        check(security.SSLSetALPNProtocols(session, array([string(name) for name in offered])))
    (_set_server if plan.server_side else _set_client)(session, context, plan)
    return session


def _set_client(session: Owned, context: Native, plan: ConnectionPlan) -> None:
    security, configuration = native.frameworks().security, context.settings.configuration
    native.check(security.SSLSetSessionOption(session, native.BREAK_ON_SERVER_AUTH, True))
    if plan.server_name is not None:
        name = plan.server_name.encode("ascii")
        native.check(security.SSLSetPeerDomainName(session, name, len(name)))
    if isinstance(configuration, TLSClientConfiguration) and configuration.choose_certificate is not None:
        native.check(security.SSLSetSessionOption(session, native.BREAK_ON_CERT_REQUESTED, True))


def _set_server(session: Owned, context: Native, plan: ConnectionPlan) -> None:
    security = native.frameworks().security
    asked = asks_clients(context.settings)
    if asked is None:
        return
    native.check(security.SSLSetSessionOption(session, native.BREAK_ON_CLIENT_AUTH, True))
    native.check(security.SSLSetClientSideAuthenticate(session, asked))
    if context.rules.anchors is not None:
        native.check(security.SSLSetCertificateAuthorities(session, context.rules.anchors, True))
