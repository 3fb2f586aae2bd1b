"""Cases on the server name at the server: the choice of a certificate, and the callback."""

from __future__ import annotations

from typing import Any

from ..api._alerts import AlertDescription
from ..api._cipher_values import is_tls13_suite
from ..api._ciphers import CipherSuite
from ..api._context import ServerContext
from ..api._errors import CertificateVerificationError, ConfigurationError, ConnectionFault, PeerAlert
from ..api._features import Feature
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._subjects import DNSName
from ..api._versions import TLSVersion
from ._case import EVERY_DRIVE, ONCE, QUICK, UNBOUND, case
from ._expect import NotApplicable, equal, instance, raises, require, same
from ._kit import HOST, OTHER_HOST, Kit

_CALLBACK = [Feature.SNI_CALLBACK]


@case("sni-choice", "register-several")
def certificate_by_name(kit: Kit) -> None:
    """Of several certificates the one for the name is shown: exact, by wildcard, else the first."""
    server = kit.server()
    server.register_certificates(kit.other_identity.certificates, kit.other_identity.private_key)
    main, other = kit.identities.server.chain[0], kit.identities.second_server.chain[0]
    for name, due in ((HOST, main), ("localhost", main), (OTHER_HOST, other), ("a.other.test", other)):
        pair = kit.connected(server=server, hostname=name)
        equal(pair.client.tls.getpeercert(), due, f"the certificate for {name}")
    subjects = [DNSName(HOST), DNSName(OTHER_HOST)]
    for unknown in (None, "unheard-of.test"):
        pair = kit.connected(server=server, hostname=unknown, valid_subjects=subjects)
        equal(pair.client.tls.getpeercert(), main, f"the certificate for {unknown}")


@case("sni-choice", drives=ONCE, versions=UNBOUND)
def certificate_by_name_any_order(kit: Kit) -> None:
    """An exact name comes before a wildcard, in whatever order they were registered."""
    orders = ((kit.server_identity, kit.other_identity), (kit.other_identity, kit.server_identity))
    for order in orders:
        server = kit.server(identities=order)
        for name, issued in ((HOST, kit.identities.server), (OTHER_HOST, kit.identities.second_server)):
            pair = kit.connected(server=server, hostname=name)
            equal(pair.client.tls.getpeercert(), issued.chain[0], f"the certificate for {name}")


@case("sni-choice-key", drives=ONCE)
def certificate_by_key(kit: Kit) -> None:
    """Where two certificates fit the name, the first that the client can use is shown."""
    server = kit.server(identities=(kit.server_identity, kit.rsa_identity))
    equal(kit.connected(server=server).client.tls.getpeercert(), kit.identities.server.chain[0], "the first one")
    if kit.version is not TLSVersion.TLSv1_2 or not kit.client_backend.capabilities.supports(Feature.CIPHER_SUITES):
        return
    suite = CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    pair = kit.connected(kit.client(ciphers=[suite]), server)
    equal(pair.client.tls.getpeercert(), kit.identities.rsa_server.chain[0], "the one for a client of RSA suites")


@case("sni-callback", "sni-callback-arguments", "sni-callback-none-goes-on", server=_CALLBACK)
def callback_hears_the_name(kit: Kit) -> None:
    """The callback is called once for each connection, with the wrapped object, the name and the context."""
    calls: list[tuple[Any, Any, Any]] = []
    server = kit.server()
    server.set_sni_callback(lambda *arguments: calls.append(arguments))
    pair = kit.connected(server=server)
    equal(len(calls), 1, "how often it was called")
    wrapped, name, context = calls[0]
    same(wrapped, pair.server.tls, "the first argument")
    equal(name, HOST, "the second argument")
    same(context, server, "the third argument")
    pair.echo()


@case("sni-callback-no-name", server=_CALLBACK)
def callback_without_a_name(kit: Kit) -> None:
    """The callback is called with None where the client sent no name."""
    names: list[str | None] = []
    server = kit.server(sni_callback=lambda wrapped, name, context: names.append(name))
    kit.connected(server=server, hostname="127.0.0.1")
    kit.connected(server=server, hostname=None, valid_subjects=[DNSName(HOST)])
    equal(names, [None, None], "the names")


@case("sni-idna", drives=QUICK, versions=UNBOUND, server=_CALLBACK)
def callback_with_a_decoded_name(kit: Kit) -> None:
    """The name is IDNA-decoded, and as it was received where it does not decode."""
    try:
        import idna  # noqa: F401
    except ImportError:
        raise NotApplicable("the package idna is not installed") from None
    names: list[str | None] = []
    server = kit.server(sni_callback=lambda wrapped, name, context: names.append(name))
    for name in ("xn--bcher-kva.test", "xn--zz-99999999.test", "_srv.server.test"):
        kit.connected(server=server, hostname=name, valid_subjects=[DNSName(HOST)])
    equal(names, ["b\xfccher.test", "xn--zz-99999999.test", "_srv.server.test"], "the names")


@case("sni-callback-replaced", drives=ONCE, versions=UNBOUND, server=_CALLBACK)
def one_callback_at_a_time(kit: Kit) -> None:
    """A further callback replaces the former, None disables it, and what cannot be called is refused."""
    calls: list[str] = []
    server = kit.server()
    server.set_sni_callback(lambda *_: calls.append("first"))
    server.set_sni_callback(lambda *_: calls.append("second"))
    kit.connected(server=server)
    equal(calls, ["second"], "the calls")
    server.set_sni_callback(None)
    kit.connected(server=server)
    equal(calls, ["second"], "the calls once it is disabled")
    raises(ConfigurationError, lambda: server.set_sni_callback("no"), "a callback that cannot be called")  # type: ignore[arg-type]


@case("sni-callback-refuses", "alert-sent", server=_CALLBACK)
def callback_that_refuses(kit: Kit) -> None:
    """Anything but None ends the handshake: an alert's number with that alert, everything else with unrecognized_name."""
    denied, unwelcome = AlertDescription.ACCESS_DENIED, AlertDescription.UNRECOGNIZED_NAME
    answers: tuple[tuple[Any, AlertDescription], ...] = (
        (False, unwelcome), (0, unwelcome), ("", unwelcome), (object(), unwelcome), (denied, denied), (49, denied)
    )  # fmt: skip
    for answer, due in answers:
        server = kit.server(sni_callback=lambda *_, a=answer: a)
        at_client, at_server = kit.pair(server=server).attempt()
        instance(at_server, ConnectionFault, f"the server's error for {answer!r}")
        alert = instance(at_client, PeerAlert, f"the client's error for {answer!r}").alert
        equal(alert, due, f"the alert for {answer!r}")


@case("sni-callback-raises", "error-cause", "alert-sent", server=_CALLBACK)
def callback_that_raises(kit: Kit) -> None:
    """An exception ends the handshake with internal_error, and is the cause of what do_handshake raises."""
    mistake = LookupError("no such tenant")

    def callback(*_: object) -> None:
        raise mistake

    at_client, at_server = kit.pair(server=kit.server(sni_callback=callback)).attempt()
    error = instance(at_server, ConnectionFault, "the server's error")
    same(error.__cause__, mistake, "its cause")
    equal(instance(at_client, PeerAlert, "the client's error").alert, AlertDescription.INTERNAL_ERROR, "the alert")


def _switching(target: ServerContext) -> Any:
    def callback(wrapped: Any, name: str | None, context: Any) -> None:
        wrapped.context = target

    return callback


@case("sni-switch", "sni-switch-certificate", server=_CALLBACK)
def switch_of_the_certificate(kit: Kit) -> None:
    """A context assigned in the callback brings its certificates; the connection is tied to it."""
    target = kit.server(identities=(kit.other_identity,))
    server = kit.server(sni_callback=_switching(target))
    pair = kit.connected(server=server, hostname=OTHER_HOST)
    equal(pair.client.tls.getpeercert(), kit.identities.second_server.chain[0], "the certificate")
    same(pair.server.tls.context, target, "the context of the connection")
    equal(pair.server.tls.configuration, target.configuration, "the configuration of the connection")
    pair.echo()


@case("sni-switch", drives=QUICK, versions=UNBOUND, server=_CALLBACK)
def switch_from_a_context_without_certificate(kit: Kit) -> None:
    """A context without a certificate will do if its callback switches; without a switch the handshake fails."""
    target = kit.server()
    kit.connected(server=kit.server(identities=(), sni_callback=_switching(target))).echo()
    empty = kit.server(identities=(), sni_callback=lambda *_: None)
    at_client, at_server = kit.pair(server=empty).attempt()
    instance(at_server, ConfigurationError, "the server's error without a certificate")
    instance(at_client, PeerAlert, "the client's error")


@case("sni-switch-version", drives=EVERY_DRIVE, versions=UNBOUND, server=_CALLBACK)
def switch_of_the_version(kit: Kit) -> None:
    """A context assigned in the callback brings its versions, lower and higher."""
    for backend in (kit.client_backend, kit.server_backend):
        if TLSVersion.TLSv1_3 not in backend.capabilities.versions:
            raise NotApplicable(f"{backend.name} does not have TLS 1.3")
    old = kit.server(upper_bound=TLSVersion.TLSv1_2)
    new = kit.server(lower_bound=TLSVersion.TLSv1_3)
    for first, target, due in ((new, old, TLSVersion.TLSv1_2), (old, new, TLSVersion.TLSv1_3)):
        first.set_sni_callback(_switching(target))
        same(kit.connected(server=first).server.tls.negotiated_tls_version, due, "the version")
        first.set_sni_callback(None)
    strict = kit.server(sni_callback=_switching(new))
    at_client, at_server = kit.pair(kit.client(upper_bound=TLSVersion.TLSv1_2), strict).attempt()
    require(at_client is not None and at_server is not None, "a client below the new bound is refused")


@case("sni-switch-ciphers", drives=QUICK, versions=(TLSVersion.TLSv1_2,), server=[*_CALLBACK, Feature.CIPHER_SUITES])
def switch_of_the_ciphers(kit: Kit) -> None:
    """A context assigned in the callback brings its cipher suites."""
    usable = [suite for suite in kit.connected().server.tls.context.ciphers if not is_tls13_suite(suite)]
    ecdsa = [suite for suite in usable if "ECDHE_ECDSA" in getattr(suite, "name", "")]
    for suite in ecdsa[:2]:
        target = kit.server(ciphers=[suite])
        pair = kit.connected(server=kit.server(sni_callback=_switching(target)))
        equal(pair.server.tls.cipher(), suite, "the suite")


@case("sni-switch-alpn", server=_CALLBACK, needs=[Feature.ALPN])
def switch_of_the_protocols(kit: Kit) -> None:
    """A context assigned in the callback brings its protocols."""
    client = kit.client(inner_protocols=[NextProtocol.H2, NextProtocol.HTTP1])
    target = kit.server(inner_protocols=[NextProtocol.HTTP1])
    server = kit.server(inner_protocols=[NextProtocol.H2], sni_callback=_switching(target))
    pair = kit.connected(client, server)
    same(pair.server.tls.negotiated_protocol(), NextProtocol.HTTP1, "the protocol")
    without = kit.server(inner_protocols=[NextProtocol.H2], sni_callback=_switching(kit.server()))
    same(kit.connected(client, without).client.tls.negotiated_protocol(), None, "the protocol of a context without")


@case("sni-switch-client-auth", server=[*_CALLBACK, Feature.CUSTOM_TRUST_STORE], needs=[Feature.CLIENT_CERTIFICATES])
def switch_of_client_authentication(kit: Kit) -> None:
    """A context assigned in the callback brings its client authentication: stricter, and less strict."""
    strict = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
    _, at_server = kit.pair(server=kit.server(sni_callback=_switching(strict))).attempt()
    instance(at_server, CertificateVerificationError, "a client without a certificate, after the switch")
    client = kit.client(identities=(kit.client_identity,))
    pair = kit.connected(client, kit.server(sni_callback=_switching(strict)))
    equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], "the client's certificate")
    strict.set_sni_callback(_switching(kit.server()))
    pair = kit.connected(client, strict)
    same(pair.server.tls.getpeercert(), None, "the client's certificate, where none is asked for")


@case("sni-switch-refused", "context-setter", drives=QUICK, versions=UNBOUND, server=_CALLBACK)
def switch_to_something_else(kit: Kit) -> None:
    """A client's context, or something that is none, is refused in the callback; the connection does not survive."""
    for wrong in (kit.client(), object(), None):
        at_client, at_server = kit.pair(server=kit.server(sni_callback=_switching(wrong))).attempt()  # type: ignore[arg-type]
        error = instance(at_server, ConnectionFault, "the server's error")
        instance(error.__cause__, ConfigurationError, "its cause")
        require(at_client is not None, "the client's handshake fails")


@case("sni-callback-once", drives=ONCE, versions=UNBOUND, server=_CALLBACK)
def callback_of_the_new_context_is_not_called(kit: Kit) -> None:
    """The callback of the context that was switched to is not called."""
    calls: list[str] = []
    target = kit.server(sni_callback=lambda *_: calls.append("target"))
    kit.connected(server=kit.server(sni_callback=_switching(target)))
    equal(calls, [], "the calls of the second context")
