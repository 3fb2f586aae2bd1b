"""A new session of the library: everything that is set on it before its handshake."""

from __future__ import annotations

from typing import Any

from ...core._provider import ConnectionPlan
from . import _callbacks, native
from .config import Native, protocol_array
from .native import NULL, ffi, lib


def open_session(context: Native, plan: ConnectionPlan, number: int) -> Any:
    """Make a gnutls_session_t.

    Args:
        context: what the connections of its configuration share.
        plan: what this connection needs.
        number: of its `Transport`.

    Raises:
        native.Error: the library refuses something.
    """
    place = ffi.new("gnutls_session_t *")
    native.check(lib.gnutls_init(place, context.flags))
    session = ffi.gc(place[0], lib.gnutls_deinit)
    lib.gnutls_session_set_ptr(session, number)
    lib.gnutls_transport_set_ptr(session, number)
    lib.gnutls_transport_set_pull_function(session, _callbacks.pull)
    lib.gnutls_transport_set_push_function(session, _callbacks.push)
    lib.gnutls_transport_set_pull_timeout_function(session, _callbacks.pull_timeout)
    lib.gnutls_handshake_set_timeout(session, 0)
    # Without a function of ours the library obeys SSLKEYLOGFILE by itself, also where a key log was forbidden.
    lib.gnutls_session_set_keylog_function(session, _callbacks.key_log if context.settings.key_log else NULL)
    native.check(lib.gnutls_priority_set(session, context.priority))
    native.check(lib.gnutls_credentials_set(session, native.CRD_CERTIFICATE, context.credentials))
    if context.verifies:
        lib.gnutls_session_set_verify_function(session, _callbacks.verify)
        lib.gnutls_session_set_verify_output_function(session, _callbacks.step)
    if context.server_side:
        _open_server(session, context, plan)
    else:
        _open_client(session, context, plan)
    if context.watched is not None:
        lib.gnutls_handshake_set_hook_function(session, context.watched, native.HOOK_PRE, _callbacks.hook)
    return session


def _open_client(session: Any, context: Native, plan: ConnectionPlan) -> None:
    configuration = context.settings.configuration
    if plan.server_name is not None:
        name = plan.server_name.encode("ascii")
        native.check(lib.gnutls_server_name_set(session, native.NAME_DNS, name, len(name)))
    if context.settings.protocols:
        _set_protocols(session, context.settings.protocols)
    if getattr(configuration, "request_ocsp", False):
        native.check(lib.gnutls_ocsp_status_request_enable_client(session, NULL, 0, NULL))
    if context.keys is not None:
        native.check(lib.gnutls_credentials_set(session, native.CRD_PSK, context.keys.credentials))
    if plan.session is not None:
        data = plan.session.native.data
        # A session that it does not take means a full handshake, as one that the server does not take.
        lib.gnutls_session_set_data(session, data, len(data))


def _open_server(session: Any, context: Native, plan: ConnectionPlan) -> None:
    tickets, settings = context.tickets, context.settings
    assert tickets is not None
    assert context.sessions is not None
    context.sessions.attach(session)
    if context.gives_tickets:
        native.check(lib.gnutls_session_ticket_enable_server(session, tickets.first))
    lib.gnutls_certificate_server_set_request(session, context.asks)
    if context.anti_replay is not None:
        size = settings.configuration.max_early_data  # type: ignore[attr-defined]
        native.check(lib.gnutls_record_set_max_early_data_size(session, size))
        lib.gnutls_anti_replay_enable(session, context.anti_replay.native)
    offered = plan.hello.alpn if plan.hello is not None else ()
    chosen = next((name for name in settings.protocols if name in offered), None)
    if chosen is not None:
        _set_protocols(session, (chosen,))


def _set_protocols(session: Any, names: tuple[bytes, ...]) -> None:
    array, _kept = protocol_array(names)
    native.check(lib.gnutls_alpn_set_protocols(session, array, len(names), 0))
