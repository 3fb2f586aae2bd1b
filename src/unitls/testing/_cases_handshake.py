"""Cases on the handshake as such: versions, cipher suites, what a connection tells, and configurations."""

from __future__ import annotations

import dataclasses
from typing import Any, Final

from ..api._alerts import AlertDescription
from ..api._cipher_values import is_tls13_suite
from ..api._ciphers import CipherSuite
from ..api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ..api._errors import (
    ConfigurationError,
    ConnectionFault,
    PeerAlert,
    ProtocolViolation,
    TLSError,
    UnsupportedFeature,
    WantReadError,
)
from ..api._features import Feature
from ..api._versions import TLSVersion
from ._case import BUFFERS, ONCE, QUICK, TLS12, TLS13, UNBOUND, case
from ._ends import BufferEnd
from ._expect import NotApplicable, equal, instance, raises, require, same
from ._kit import Kit

_UNASSIGNED: Final = 0xFAFA  # reserved by GREASE (RFC 8701): no library will ever implement it
_REAL: Final = [version for version in TLSVersion if 0 < version < TLSVersion.MAXIMUM_SUPPORTED]


@case("handshake", "info-version", "info-cipher", "info-role", "info-context")
def handshake_completes(kit: Kit) -> None:
    """A handshake succeeds, both ends tell the same, and data travels both ways."""
    client, server = kit.client(), kit.server()
    pair = kit.connected(client, server)
    for end, context, is_server in ((pair.client, client, False), (pair.server, server, True)):
        same(end.tls.negotiated_tls_version, kit.version, "the negotiated version")
        suite = end.tls.cipher()
        require(
            suite is not None and is_tls13_suite(suite) == (kit.version is TLSVersion.TLSv1_3), f"the suite {suite!r}"
        )
        same(end.tls.context, context, "the context of the connection")
        same(end.tls.server_side, is_server, "server_side")
    equal(pair.client.tls.cipher(), pair.server.tls.cipher(), "the suite, seen from both ends")
    pair.echo()


@case("version-fallback", drives=BUFFERS, versions=UNBOUND)
def client_that_has_fallen_back(kit: Kit) -> None:
    """A client that says it has fallen back (TLS_FALLBACK_SCSV) is refused where a later version is in common, only there."""
    versions = kit.server_backend.capabilities.versions
    if not (TLSVersion.TLSv1_2 in versions and TLSVersion.TLSv1_3 in versions):
        raise NotApplicable("the server has one version only")
    for upper, is_refused in ((TLSVersion.TLSv1_3, True), (TLSVersion.TLSv1_2, False)):
        pair = kit.pair(kit.client(upper_bound=TLSVersion.TLSv1_2), kit.server(upper_bound=upper))
        assert isinstance(pair.client, BufferEnd)
        assert isinstance(pair.server, BufferEnd)
        raises(WantReadError, pair.client.tls.do_handshake, "the ClientHello")
        pair.server.incoming.write(_as_fallback(pair.client.outgoing.read()))
        raises(ProtocolViolation if is_refused else WantReadError, pair.server.tls.do_handshake, "the handshake")
        alert = pair.server.outgoing.read()
        equal(alert == b"\x15\x03\x03\x00\x02\x02\x56", is_refused, "the alert inappropriate_fallback")


def _as_fallback(record: bytes) -> bytes:
    """A ClientHello, alone in its record, with TLS_FALLBACK_SCSV at the head of its suites."""
    body = record[9:]
    start = 35 + body[34]
    size = int.from_bytes(body[start : start + 2], "big") + 2
    body = body[:start] + size.to_bytes(2, "big") + b"\x56\x00" + body[start + 2 :]
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return record[:3] + len(message).to_bytes(2, "big") + message


@case("handshake-again")
def handshake_again(kit: Kit) -> None:
    """A second do_handshake does nothing."""
    pair = kit.connected()
    same(pair.client.tls.do_handshake(), None, "do_handshake once it is done")
    same(pair.server.tls.do_handshake(), None, "do_handshake once it is done")
    pair.echo()


@case("info-before", versions=UNBOUND)
def information_before_the_handshake(kit: Kit) -> None:
    """Before the handshake nothing has been negotiated."""
    pair = kit.pair()
    for end in (pair.client, pair.server):
        same(end.tls.cipher(), None, "cipher() before the handshake")
        same(end.tls.negotiated_protocol(), None, "negotiated_protocol() before the handshake")
        same(end.tls.negotiated_tls_version, None, "negotiated_tls_version before the handshake")
        same(end.tls.getpeercert(), None, "getpeercert() before the handshake")
        equal(end.tls.pending(), 0, "pending() before the handshake")
    pair.handshake().echo()


@case("configuration-kept", drives=QUICK, versions=UNBOUND, needs=[Feature.ALPN])
def connections_keep_their_configuration(kit: Kit) -> None:
    """A change of the context does not touch a connection that was wrapped before."""
    client, server = kit.client(inner_protocols=[b"before"]), kit.server(inner_protocols=[b"before"])
    pair = kit.pair(client, server)
    before = client.configuration
    client.set_inner_protocols([b"after"])
    server.set_inner_protocols([b"after"])
    pair.handshake()
    equal(pair.client.tls.negotiated_protocol(), b"before", "the protocol of a connection made earlier")
    equal(pair.client.tls.configuration, before, "the configuration of a connection made earlier")
    equal(client.configuration.inner_protocols, (b"after",), "the configuration of the context")
    later = kit.connected(client, server)
    equal(later.client.tls.negotiated_protocol(), b"after", "the protocol of a connection made later")


@case("configuration-value", drives=ONCE, versions=UNBOUND)
def configurations_are_values(kit: Kit) -> None:
    """Configurations are frozen, comparable and hashable; sequences are kept as tuples."""
    for kind in (TLSClientConfiguration, TLSServerConfiguration):
        suites = [CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
        one = kind(inner_protocols=[b"a"], ciphers=suites, trust_store=kit.trust)  # type: ignore[arg-type]
        two = kind(inner_protocols=(b"a",), ciphers=tuple(suites), trust_store=kit.trust)
        equal(one, two, "two configurations of the same content")
        equal(hash(one), hash(two), "their hashes")
        raises(dataclasses.FrozenInstanceError, lambda item=one: setattr(item, "fips", True), "changing a field")
        require(one != dataclasses.replace(one, inner_protocols=(b"b",)), "configurations with other protocols differ")
    same(TLSClientConfiguration().validate_certificates, True, "a client's validate_certificates by default")
    same(TLSServerConfiguration().validate_certificates, False, "a server's validate_certificates by default")


@case("configuration-assigned", "context-backend", drives=ONCE, versions=UNBOUND)
def contexts_take_a_configuration(kit: Kit) -> None:
    """A context takes a whole configuration, checks it, keeps the old one when it is wrong, and knows its backend."""
    contexts: list[Any] = [kit.client(), kit.server()]
    for context, backend in zip(contexts, (kit.client_backend, kit.server_backend), strict=True):
        same(context.backend, backend, "context.backend")
        before = context.configuration
        bad = dataclasses.replace(before, lower_bound=TLSVersion.TLSv1_3, upper_bound=TLSVersion.TLSv1_2)
        raises(ConfigurationError, lambda c=context, b=bad: setattr(c, "configuration", b), "crossed bounds")
        equal(context.configuration, before, "the configuration after a refused change")
        changed = dataclasses.replace(before, max_handshake_size=65536)
        context.configuration = changed
        equal(context.configuration, changed, "the configuration that was assigned")


@case("context-setter", drives=QUICK, versions=UNBOUND)
def context_setter_outside_of_the_callback(kit: Kit) -> None:
    """Assigning a connection's context anywhere but in the server name callback is refused."""
    pair = kit.pair()
    for moment in ("before", "after"):
        for end, other in ((pair.client, kit.client()), (pair.server, kit.server())):
            what = f"assigning the context {moment} the handshake"
            raises(ConfigurationError, lambda e=end, o=other: setattr(e.tls, "context", o), what)
        if moment == "before":
            pair.handshake()
    pair.echo()


# ---------------------------------------------------------------------------------------------- versions


@case("version-highest", drives=QUICK, versions=UNBOUND)
def highest_version_in_common(kit: Kit) -> None:
    """Left to themselves, both ends take the highest version that both have."""
    common = set(kit.client_backend.capabilities.versions) & set(kit.server_backend.capabilities.versions)
    same(kit.connected().client.tls.negotiated_tls_version, max(common), "the version")


@case("version-default", drives=ONCE, versions=UNBOUND)
def lowest_version_by_default(kit: Kit) -> None:
    """Nothing below TLS 1.2 unless it is asked for."""
    for context in (kit.client_backend.client_context(), kit.server_backend.server_context()):
        same(context.configuration.lower_bound, TLSVersion.TLSv1_2, "the lower bound by default")


@case("version-refused")
def no_version_in_common(kit: Kit) -> None:
    """Without a version in common the handshake fails at both ends; the client hears protocol_version."""
    other = TLSVersion.TLSv1_3 if kit.version is TLSVersion.TLSv1_2 else TLSVersion.TLSv1_2
    if other not in kit.server_backend.capabilities.versions:
        raise NotApplicable(f"the server does not have {other}")
    server = kit.server(lower_bound=other, upper_bound=other)
    at_client, at_server = kit.pair(server=server).attempt()
    instance(at_server, ProtocolViolation, "the server's error")
    alert = instance(at_client, PeerAlert, "the client's error").alert
    equal(alert, AlertDescription.PROTOCOL_VERSION, "the alert")


@case("version-bound-unchanged", drives=ONCE, versions=UNBOUND)
def one_bound_at_a_time(kit: Kit) -> None:
    """A bound that is None leaves that bound as it was."""
    for context in (kit.client(), kit.server()):
        context.set_version_range(TLSVersion.TLSv1_2, TLSVersion.TLSv1_2)
        context.set_version_range(upper_bound=TLSVersion.TLSv1_3)
        same(context.configuration.lower_bound, TLSVersion.TLSv1_2, "the lower bound")
        context.set_version_range(lower_bound=TLSVersion.TLSv1_2)
        same(context.configuration.upper_bound, TLSVersion.TLSv1_3, "the upper bound")
        context.set_version_range()
        same(context.configuration.upper_bound, TLSVersion.TLSv1_3, "the upper bound")


@case("version-crossed", drives=ONCE, versions=UNBOUND)
def bounds_that_cross(kit: Kit) -> None:
    """A lower bound above the upper bound is a ConfigurationError."""
    for context in (kit.client(), kit.server()):
        call = context.set_version_range
        raises(ConfigurationError, lambda c=call: c(TLSVersion.TLSv1_3, TLSVersion.TLSv1_2), "crossed bounds")


@case("version-lower-refused", "unsupported-at-once", drives=ONCE, versions=UNBOUND)
def lower_bound_that_is_not_offered(kit: Kit) -> None:
    """A lower bound below, and a range beside, what the library has is refused when it is set."""
    for backend, context in ((kit.client_backend, kit.client()), (kit.server_backend, kit.server())):
        lowest = backend.capabilities.versions[0]
        for version in _REAL:
            if version < lowest:
                call = context.set_version_range
                error = raises(UnsupportedFeature, lambda c=call, v=version: c(v), f"the lower bound {version}")
                same(error.feature, Feature.VERSIONS, "the feature")
                raises(UnsupportedFeature, lambda c=call, v=version: c(v, v), f"only {version}")


@case("version-upper-honoured", "version-extremes", drives=ONCE, versions=UNBOUND)
def bounds_that_mean_what_the_library_can(kit: Kit) -> None:
    """MINIMUM_SUPPORTED and MAXIMUM_SUPPORTED mean the library's own extremes; a high upper bound is honoured."""
    least, most = TLSVersion.MINIMUM_SUPPORTED, TLSVersion.MAXIMUM_SUPPORTED
    shared = sorted(set(kit.client_backend.capabilities.versions) & set(kit.server_backend.capabilities.versions))
    every = {"lower_bound": least, "upper_bound": most}
    same(
        kit.connected(kit.client(**every), kit.server(**every)).client.tls.negotiated_tls_version,
        shared[-1],
        "from least to most",
    )
    highest = kit.connected(kit.client(upper_bound=TLSVersion.TLSv1_3), kit.server(upper_bound=TLSVersion.TLSv1_3))
    same(highest.client.tls.negotiated_tls_version, shared[-1], "with an upper bound of TLS 1.3")
    lowest = {"lower_bound": least, "upper_bound": least}
    if kit.client_backend.capabilities.versions[0] == kit.server_backend.capabilities.versions[0]:
        pair = kit.connected(kit.client(**lowest), kit.server(**lowest))
        same(pair.client.tls.negotiated_tls_version, shared[0], "least only")


# ---------------------------------------------------------------------------------------------- cipher suites


def _common_suites(kit: Kit, *, tls13: bool) -> list[int]:
    """Suites that both libraries have and that go with the usual certificate (ECDSA), best known first."""
    wanted = [
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        CipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        CipherSuite.TLS_AES_256_GCM_SHA384,
        CipherSuite.TLS_AES_128_GCM_SHA256,
        CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
    ]
    mine, theirs = kit.client_backend.capabilities.cipher_suites, kit.server_backend.capabilities.cipher_suites
    return [int(suite) for suite in wanted if is_tls13_suite(suite) is tls13 and suite in mine and suite in theirs]


def _all_tls13(kit: Kit) -> list[int]:
    """A list of TLS 1.3 suites that both backends take: every one they have."""
    everything = {*kit.client_backend.capabilities.cipher_suites, *kit.server_backend.capabilities.cipher_suites}
    return [suite for suite in sorted(everything) if is_tls13_suite(suite)]


@case(
    "cipher-chosen",
    "cipher-partial",
    "cipher-listed",
    "codepoint-integer",
    drives=QUICK,
    versions=TLS12,
    client=[Feature.CIPHER_SUITES],
)
def suites_that_were_chosen(kit: Kit) -> None:
    """A list of one known and one unknown suite, as bare integers, negotiates the known one."""
    for suite in _common_suites(kit, tls13=False):
        client = kit.client()
        client.set_ciphers([_UNASSIGNED, suite])
        equal(client.ciphers, (suite,), "context.ciphers")
        require(isinstance(client.ciphers[0], CipherSuite), "context.ciphers gives members of CipherSuite")
        pair = kit.connected(client)
        equal(pair.client.tls.cipher(), suite, "the negotiated suite")
        equal(pair.server.tls.cipher(), suite, "the negotiated suite at the server")


@case("cipher-chosen", drives=ONCE, versions=TLS12, server=[Feature.CIPHER_SUITES])
def suites_of_a_server(kit: Kit) -> None:
    """A server accepts the listed suites only."""
    for suite in _common_suites(kit, tls13=False):
        pair = kit.connected(server=kit.server(ciphers=[suite]))
        equal(pair.client.tls.cipher(), suite, "the negotiated suite")


@case("cipher-none", drives=ONCE, versions=UNBOUND, needs=[Feature.CIPHER_SUITES])
def suites_of_which_none_is_there(kit: Kit) -> None:
    """A list of which nothing is available is a TLSError, and so is an empty one."""
    for context in (kit.client(), kit.server()):
        call = context.set_ciphers
        raises(TLSError, lambda c=call: c([_UNASSIGNED]), "only an unknown suite")
        raises(ConfigurationError, lambda c=call: c([]), "no suite at all")
        raises(ConfigurationError, lambda c=call: c([0x10000]), "a number of more than 16 bits")


@case("cipher-no-overlap", versions=TLS12, needs=[Feature.CIPHER_SUITES])
def no_suite_in_common(kit: Kit) -> None:
    """Without a suite in common the handshake fails at both ends."""
    suites = _common_suites(kit, tls13=False)
    if len(suites) < 2:
        raise NotApplicable("the two libraries have one suite in common only")
    at_client, at_server = kit.pair(kit.client(ciphers=suites[:1]), kit.server(ciphers=suites[1:2])).attempt()
    instance(at_server, ProtocolViolation, "the server's error")
    equal(instance(at_client, PeerAlert, "the client's error").alert, AlertDescription.HANDSHAKE_FAILURE, "the alert")


@case("cipher-caps-version", drives=QUICK, versions=UNBOUND, client=[Feature.CIPHER_SUITES])
def suites_without_tls13(kit: Kit) -> None:
    """A list without a TLS 1.3 suite caps the version at TLS 1.2."""
    client = kit.client(ciphers=_common_suites(kit, tls13=False))
    require(not any(is_tls13_suite(suite) for suite in client.ciphers), "no TLS 1.3 suite stays enabled")
    same(kit.connected(client).client.tls.negotiated_tls_version, TLSVersion.TLSv1_2, "the version")


@case("cipher-raises-version", drives=QUICK, versions=UNBOUND, client=[Feature.CIPHER_SUITES])
def suites_of_tls13_only(kit: Kit) -> None:
    """A list of only TLS 1.3 suites raises the version to TLS 1.3."""
    for backend in (kit.client_backend, kit.server_backend):
        if TLSVersion.TLSv1_3 not in backend.capabilities.versions:
            raise NotApplicable(f"{backend.name} has no TLS 1.3")
    client = kit.client(ciphers=_all_tls13(kit))
    require(all(is_tls13_suite(suite) for suite in client.ciphers), "only TLS 1.3 suites stay enabled")
    same(kit.connected(client).client.tls.negotiated_tls_version, TLSVersion.TLSv1_3, "the version")
    old = {"lower_bound": TLSVersion.TLSv1_2, "upper_bound": TLSVersion.TLSv1_2}
    at_client, at_server = kit.pair(client, kit.server(**old)).attempt()
    require(at_client is not None and at_server is not None, "a server of TLS 1.2 is refused")


@case("cipher-never-wider", "unsupported-at-once", drives=ONCE, versions=UNBOUND, needs=[Feature.CIPHER_SUITES])
def some_of_the_tls13_suites(kit: Kit) -> None:
    """One of several TLS 1.3 suites is negotiated, or refused when it is set: never another one."""
    for suite in _common_suites(kit, tls13=True):
        for backend, role in ((kit.client_backend, kit.client), (kit.server_backend, kit.server)):
            if backend.capabilities.supports(Feature.TLS13_CIPHER_SUITES):
                equal(role(ciphers=[suite]).ciphers, (suite,), "context.ciphers")
            elif len([item for item in backend.capabilities.cipher_suites if is_tls13_suite(item)]) > 1:
                error = raises(
                    UnsupportedFeature, lambda r=role, s=suite: r(ciphers=[s]), "one TLS 1.3 suite of several"
                )
                same(error.feature, Feature.TLS13_CIPHER_SUITES, "the feature")


@case("cipher-chosen", drives=QUICK, versions=TLS13, client=[Feature.TLS13_CIPHER_SUITES])
def tls13_suites_that_were_chosen(kit: Kit) -> None:
    """A list of one TLS 1.3 suite negotiates it."""
    for suite in _common_suites(kit, tls13=True):
        equal(kit.connected(kit.client(ciphers=[suite])).client.tls.cipher(), suite, "the negotiated suite")


@case("cipher-defaults", drives=ONCE, versions=UNBOUND)
def suites_by_default(kit: Kit) -> None:
    """The suites of a context are listed, and the negotiated one is among them."""
    client, server = kit.client(), kit.server()
    suite = kit.connected(client, server).client.tls.cipher()
    for context in (client, server):
        require(suite in context.ciphers, f"{suite!r} was negotiated, but is not in context.ciphers")
        require(
            set(context.ciphers) <= set(context.backend.capabilities.cipher_suites),
            "context.ciphers are available ones",
        )


@case("fault-kept", "handshake")
def failed_connection_stays_failed(kit: Kit) -> None:
    """After a failed handshake every operation says so again, with a ConnectionFault."""
    pair = kit.pair(hostname="wrong.test")
    at_client, _ = pair.attempt()
    instance(at_client, ConnectionFault, "the client's error")
    raises(ConnectionFault, pair.client.tls.do_handshake, "do_handshake after a failure")
    raises(ConnectionFault, lambda: pair.client.read(1), "reading after a failure")
    raises(ConnectionFault, lambda: pair.client.write(b"x"), "writing after a failure")
