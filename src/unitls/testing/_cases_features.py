"""Cases on features: each is there and works, or is refused as soon as it is asked for."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._context import ClientContext, ServerContext
from ..api._errors import ConfigurationError, ConnectionFault, RaggedEOF, UnsupportedFeature
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._versions import TLSVersion
from ..core._x509 import certificate_fields
from ._audit import audited
from ._case import EVERY_DRIVE, ONCE, QUICK, TLS12, TLS13, UNBOUND, Case, case, declare, declared
from ._ends import BufferEnd, End, SocketEnd, wait_for
from ._expect import NotApplicable, equal, instance, present, raises, require, same
from ._features import CALLS, CLIENT_NEEDS, SERVER_NEEDS, WITHOUT_CASE
from ._kit import Drive, Kit
from ._pair import Pair

# A choice of post-quantum groups is a choice of groups.
_IMPLIED = {Feature.POST_QUANTUM_GROUPS: {Feature.GROUPS, Feature.POST_QUANTUM_GROUPS}}


def _refuses(make: Any, changes: dict[str, Any], feature: Feature, whose: str) -> None:
    what = f"{whose} that needs {feature.name}"
    error = raises(UnsupportedFeature, lambda: make(**changes), what)
    require(error.feature in _IMPLIED.get(feature, {feature}), f"{what}: the error names {error.feature.name}")
    require(isinstance(error, NotImplementedError) and str(error).strip(), f"{what}: the error has a text")


@case("unsupported-at-once", "unsupported-configured", drives=ONCE, versions=UNBOUND)
def features_that_are_lacking(kit: Kit) -> None:
    """What a backend does not have is refused when it is configured."""
    for feature, changes in CLIENT_NEEDS.items():
        if not kit.client_backend.capabilities.supports(feature):
            _refuses(kit.client, changes(kit), feature, "a client")
    for feature, changes in SERVER_NEEDS.items():
        if not kit.server_backend.capabilities.supports(feature):
            _refuses(kit.server, changes(kit), feature, "a server")


@case("unsupported-called", drives=QUICK)
def calls_that_are_lacking(kit: Kit) -> None:
    """A call on a connection that its backend does not have raises UnsupportedFeature, and harms nothing."""
    pair = kit.connected()
    for end, backend in ((pair.client, kit.client_backend), (pair.server, kit.server_backend)):
        for feature, call in CALLS.items():
            if not backend.capabilities.supports(feature):
                error = raises(UnsupportedFeature, lambda c=call, e=end: c(e.tls), f"a call that needs {feature.name}")
                same(error.feature, feature, "the feature")
    pair.echo()


@case("unsupported-kept", drives=ONCE, versions=UNBOUND)
def a_refusal_changes_nothing(kit: Kit) -> None:
    """A configuration that is refused leaves the context as it was."""
    client = kit.client()
    before = client.configuration
    for feature, changes in CLIENT_NEEDS.items():
        if not kit.client_backend.capabilities.supports(feature):
            configuration = kit.client_configuration(**changes(kit))
            raises(UnsupportedFeature, lambda c=configuration: setattr(client, "configuration", c), feature.name)
    same(client.configuration, before, "the configuration")
    kit.connected(client).echo()


@case("capabilities", drives=ONCE, versions=UNBOUND)
def capabilities_are_complete(kit: Kit) -> None:
    """Capabilities say what is there, and why not for what is not; each feature that is claimed has a case."""
    used = frozenset[Feature]().union(*(item.client_needs | item.server_needs for item in declared().values()))
    for backend in (kit.client_backend, kit.server_backend):
        found = backend.capabilities
        require(backend.name and backend.library_version, "the backend has a name and a version")
        require(list(found.versions) == sorted(set(found.versions)) and found.versions, "the versions are in order")
        require(all(0 <= suite <= 0xFFFF for suite in found.cipher_suites), "suites are IANA values")
        require(len(set(found.cipher_suites)) == len(found.cipher_suites) > 0, "suites are listed once")
        for feature in Feature:
            if not found.supports(feature):
                require(feature in found.reasons, f"a reason why {feature.name} is not there")
            else:
                require(
                    feature in used or feature in WITHOUT_CASE or feature is Feature.VERSIONS,
                    f"a case for {feature.name}",
                )


# ---------------------------------------------------------------------------------------------- key log


@case("key-log", "insecure-audited", needs=[Feature.KEY_LOG], drives=QUICK)
def key_log(kit: Kit) -> None:
    """The key log holds the secrets of the connection under the client's random value, the same from both ends."""
    directory = kit.directory()
    with audited() as events:
        client, server = kit.client(key_log=str(directory / "client")), kit.server(key_log=str(directory / "server"))
        kit.connected(client, server).echo()
    require(("unitls.insecure", ("key_log",)) in events, "an auditing event")
    if os.name == "posix":
        modes = {(directory / name).stat().st_mode & 0o777 for name in ("client", "server")}
        equal(modes, {0o600}, "who may read the files")
    logs = [_log_lines((directory / name).read_text()) for name in ("client", "server")]
    # Not every library has every secret to log: what both have must be the same.
    labels = {line.split()[0] for line in logs[0]} & {line.split()[0] for line in logs[1]}
    due = (
        {"CLIENT_RANDOM"}
        if kit.version is TLSVersion.TLSv1_2
        else {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"}
    )
    require(due <= labels, f"the labels {sorted(labels)}")
    shared = [{line for line in log if line.split()[0] in labels} for log in logs]
    equal(shared[0], shared[1], "the log, seen from both ends")
    _check_made_anew(kit, client, server, directory)


def _check_made_anew(kit: Kit, client: ClientContext, server: ServerContext, directory: Path) -> None:
    """A log that is moved away meanwhile is made anew for its owner alone, or not at all."""
    paths = [directory / name for name in ("client", "server")]
    for path in paths:
        path.rename(path.with_suffix(".old"))
    kit.connected(client, server)
    if os.name == "posix":
        modes = {path.stat().st_mode & 0o777 for path in paths if path.exists()}
        require(modes <= {0o600}, f"files that their owner alone may read, not {modes}")


def _log_lines(text: str) -> set[str]:
    lines = {line for line in text.splitlines() if line and not line.startswith("#")}
    for line in lines:
        fields = line.split()
        require(len(fields) == 3 and len(bytes.fromhex(fields[1])) == 32, f"{fields[0]} and a random value of 32 bytes")
    return lines


# ---------------------------------------------------------------------------------------------- channel bindings


@case("channel-binding", "binding-end-point", needs=[Feature.TLS_SERVER_END_POINT_BINDING])
def binding_to_the_certificate(kit: Kit) -> None:
    """tls-server-end-point is the hash of the server's certificate, at both ends (RFC 5929 section 4.1)."""
    server = kit.server(identities=(kit.server_identity, kit.other_identity))
    for name, issued in (("server.test", kit.identities.server), ("other.test", kit.identities.second_server)):
        pair = kit.connected(server=server, hostname=name)
        due = hashlib.sha256(issued.chain[0]).digest()  # all of them are signed with SHA-256
        for end in (pair.client, pair.server):
            equal(end.tls.get_channel_binding("tls-server-end-point"), due, f"tls-server-end-point of {name}")


@case("channel-binding", "binding-unique", versions=TLS12, needs=[Feature.TLS_UNIQUE_BINDING])
def binding_to_the_connection(kit: Kit) -> None:
    """tls-unique is the same at both ends of a TLS 1.2 connection, and differs between connections."""
    seen = {_agreed(kit.connected(), "tls-unique") for _ in range(2)}
    equal(len(seen), 2, "how many different values two connections have")


@case("channel-binding", "binding-unique", drives=ONCE, versions=TLS13, needs=[Feature.TLS_UNIQUE_BINDING])
def binding_that_tls13_lacks(kit: Kit) -> None:
    """tls-unique is not defined for TLS 1.3, also once the connection is lost."""
    pair = kit.connected()
    raises(ConfigurationError, lambda: pair.client.tls.get_channel_binding("tls-unique"), "tls-unique with TLS 1.3")
    pair.cut(pair.server)
    instance(pair.drive({pair.client: lambda: pair.client.read(1)})[pair.client].error, RaggedEOF, "the ragged end")
    raises(ConfigurationError, lambda: pair.client.tls.get_channel_binding("tls-unique"), "tls-unique when it is lost")


@case("channel-binding", "binding-exporter", needs=[Feature.TLS_EXPORTER_BINDING])
def binding_by_exporter(kit: Kit) -> None:
    """tls-exporter is the same at both ends and differs between connections (RFC 9266)."""
    seen = {_agreed(kit.connected(), "tls-exporter") for _ in range(2)}
    equal(len(seen), 2, "how many different values two connections have")


@case("channel-binding", drives=ONCE, versions=UNBOUND)
def binding_that_does_not_exist(kit: Kit) -> None:
    """An unknown kind is a ConfigurationError, before and after the handshake."""
    pair = kit.pair()
    raises(ConfigurationError, lambda: pair.client.tls.get_channel_binding("tls-nothing"), "an unknown kind")
    pair.handshake()
    raises(ConfigurationError, lambda: pair.client.tls.get_channel_binding("tls-nothing"), "an unknown kind")


def _agreed(pair: Pair, kind: str) -> bytes:
    found: bytes = present(pair.client.tls.get_channel_binding(kind), kind)
    equal(pair.server.tls.get_channel_binding(kind), found, f"{kind}, seen from both ends")
    return found


@case("exporter", drives=ONCE, client=[Feature.EXPORTER])
def exporter_out_of_bounds(kit: Kit) -> None:
    """A label, a length or a context that not every suite can do is a ConfigurationError."""
    tls = kit.connected().client.tls
    for label, length, context in (
        (b"", 32, None), (b"x" * 250, 32, None), (b"\xff", 32, None), ("x", 32, None), (b"x", 0, None), (b"x", -1, None),
        (b"x", 8161, None), (b"x", 1 << 40, None), (b"x", 32, "y"), (b"x", 32, bytes(65536)),
    ):  # fmt: skip
        what = f"an exporter of {len(label)} bytes for {length}"
        raises(ConfigurationError, lambda: tls.export_keying_material(label, length, context), what)  # noqa: B023
    equal(len(tls.export_keying_material(b"x", 8160)), 8160, "the most")


@case("exporter", needs=[Feature.EXPORTER])
def exporter(kit: Kit) -> None:
    """Keying material is the same at both ends, and depends on label, context and connection."""
    pair, other = kit.connected(), kit.connected()
    seen = set()
    for label, context in ((b"EXPORTER-one", None), (b"EXPORTER-two", None), (b"EXPORTER-one", b"x")):
        found = pair.client.tls.export_keying_material(label, 40, context)
        equal(pair.server.tls.export_keying_material(label, 40, context), found, "the material, seen from both ends")
        equal(len(found), 40, "its length")
        seen |= {found, other.client.tls.export_keying_material(label, 40, context)}
    equal(len(seen), 6, "how many different values there are")


# ---------------------------------------------------------------------------------------------- groups, signatures, keys


@case("groups", "info-group", drives=QUICK, needs=[Feature.GROUPS, Feature.GROUP_INFORMATION])
def groups(kit: Kit) -> None:
    """The group that either end has chosen is negotiated; without one in common the handshake fails."""
    identities = (kit.rsa_identity,)  # an EC key would bring a curve of its own in
    for group in (23, 24, 29):
        for client, server in (({"groups": [group]}, {}), ({}, {"groups": [group]})):
            pair = kit.connected(kit.client(**client), kit.server(identities=identities, **server))
            equal((pair.client.tls.group, pair.server.tls.group), (group, group), "the group")
    at_client, at_server = kit.pair(kit.client(groups=[23]), kit.server(groups=[24])).attempt()
    require(at_client is not None and at_server is not None, "no group in common")


@case("groups", versions=TLS12, drives=ONCE, needs=[Feature.GROUPS, Feature.CIPHER_SUITES])
def groups_of_the_server_alone(kit: Kit) -> None:
    """Up to TLS 1.2 a server may bring a Diffie-Hellman group of its own: who has chosen others does not take it."""
    known = (set(backend.capabilities.cipher_suites) for backend in (kit.client_backend, kit.server_backend))
    suites = sorted({0x009E, 0x009F}.intersection(*known))
    if not suites:
        raise NotApplicable("the libraries have no such key exchange in common")
    server = kit.server(identities=(kit.rsa_identity,), ciphers=suites)
    at_client, _ = kit.pair(kit.client(ciphers=suites, groups=[29]), server).attempt()
    instance(at_client, ConnectionFault, "the client's error")


@case("groups-post-quantum", versions=TLS13, drives=QUICK, needs=[Feature.GROUPS, Feature.POST_QUANTUM_GROUPS])
def post_quantum_groups(kit: Kit) -> None:
    """X25519MLKEM768 is negotiated where both ends ask for it."""
    pair = kit.connected(kit.client(groups=[4588]), kit.server(groups=[4588]))
    if kit.has(Feature.GROUP_INFORMATION):
        equal(pair.client.tls.group, 4588, "the group")
    pair.echo()


@case("info-group", versions=TLS13, drives=ONCE, needs=[Feature.GROUP_INFORMATION])
def group_information(kit: Kit) -> None:
    """Both ends tell the same group."""
    pair = kit.connected()
    equal(present(pair.client.tls.group, "the group"), pair.server.tls.group, "the group, seen from both ends")


@case("signature-algorithms", drives=ONCE, client=[Feature.SIGNATURE_ALGORITHMS])
def signature_algorithms(kit: Kit) -> None:
    """A server whose key goes with none of the algorithms is refused."""
    kit.connected(kit.client(signature_algorithms=[0x0403]))
    at_client, at_server = kit.pair(kit.client(signature_algorithms=[0x0804])).attempt()
    require(at_client is not None and at_server is not None, "no algorithm in common")


@case("key-update", versions=TLS13, drives=EVERY_DRIVE, needs=[Feature.KEY_UPDATE])
def key_updates(kit: Kit) -> None:
    """Data goes on after a KeyUpdate of either end."""
    pair = kit.connected()
    for end in (pair.client, pair.server):
        pair.drive({end: end.tls.update_keys})[end].result("update_keys()")
        require(_has_come(pair.other(end)), "a KeyUpdate is sent at once")
        pair.echo()
    pair.close_write(pair.client)
    raises(ConnectionFault, pair.client.tls.update_keys, "update_keys() behind our close_notify")


@case("key-update", versions=TLS12, drives=ONCE, client=[Feature.KEY_UPDATE])
def key_updates_need_tls13(kit: Kit) -> None:
    """There is no KeyUpdate before TLS 1.3: to ask for one is a ConfigurationError, and harms nothing."""
    pair = kit.connected()
    raises(ConfigurationError, pair.client.tls.update_keys, "update_keys() with TLS 1.2")
    pair.echo()


def _has_come(end: End) -> bool:
    """Whether something has arrived at an end that it has not looked at."""
    if isinstance(end, SocketEnd):
        return wait_for({end.raw: False})
    assert isinstance(end, BufferEnd)
    return bool(end.incoming.pending)


@case("key-update", versions=TLS13, drives=ONCE, client=[Feature.KEY_UPDATE])
def many_key_updates_of_the_client(kit: Kit) -> None:
    """A server follows as many KeyUpdates as its client likes, while data comes between them."""
    pair = kit.connected()
    _update_often(pair, pair.client)


@case("key-update", versions=TLS13, drives=ONCE, server=[Feature.KEY_UPDATE])
def many_key_updates_of_the_server(kit: Kit) -> None:
    """A client follows as many KeyUpdates as its server likes, while data comes between them."""
    pair = kit.connected()
    _update_often(pair, pair.server)


def _update_often(pair: Pair, end: End) -> None:
    for number in range(50):
        pair.drive({end: end.tls.update_keys})
        text = b"%d" % number
        equal(pair.transfer(end, text), text, f"the data behind KeyUpdate {number + 1}")


@case("flood", "renegotiation", versions=TLS13, drives=ONCE, client=[Feature.KEY_UPDATE])
def flood_of_key_updates(kit: Kit) -> None:
    """KeyUpdates without end, and without data, end the connection."""
    pair = kit.connected()
    error: Exception | None = None
    for _ in range(5000):
        pair.drive({pair.client: pair.client.tls.update_keys})
        error = pair.drive({pair.server: lambda: pair.server.read(1)})[pair.server].error
        if error is not None:
            break
    instance(error, ConnectionFault, "the server's error")


@case("external-signer", drives=ONCE, server=[Feature.EXTERNAL_SIGNER])
def external_signer(kit: Kit) -> None:
    """A key that lives elsewhere signs the handshake."""
    try:
        from ._certificates import load_private_key, sign_message
    except (ConfigurationError, ImportError):
        raise NotApplicable("the package cryptography is needed to sign") from None
    issued = kit.identities.server
    key = load_private_key(issued.key_pem)
    signer = PrivateKey.from_signer(
        certificate_fields(issued.chain[0]).spki, lambda scheme, message: sign_message(key, scheme, message)
    )
    try:
        server = kit.server(identities=(Identity([Certificate.from_buffer(issued.chain[0])], signer),))
    except UnsupportedFeature as error:
        same(error.feature, Feature.EXTERNAL_SIGNER, "the feature of the error")
        raise NotApplicable(f"it needs sign_digest here: {error}") from None
    kit.connected(server=server).echo()


@case(
    "client-certificate-choice",
    needs=[Feature.CLIENT_CERTIFICATES],
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
    drives=QUICK,
)
def choice_of_the_client_certificate(kit: Kit) -> None:
    """The callback is given the server's list of authorities, and picks the identity, or none."""
    heard: list[tuple[bytes, ...]] = []
    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    for identity in (kit.client_identity, None):

        def choose(authorities: tuple[bytes, ...], identity: Identity | None = identity) -> Identity | None:
            heard.append(authorities)
            return identity

        pair = kit.connected(kit.client(choose_certificate=choose), server)
        due = kit.identities.client.chain[0] if identity else None
        equal(pair.server.tls.getpeercert(), due, "the client's certificate")
    equal(len(heard), 2, "how often it was called")


@case(
    "client-certificate-choice-fails",
    needs=[Feature.CLIENT_CERTIFICATES],
    client=[Feature.CLIENT_CERTIFICATE_CHOICE],
    drives=QUICK,
)
def failing_choice_of_the_client_certificate(kit: Kit) -> None:
    """Where the callback raises, the handshake fails on both ends: nobody is taken for an anonymous client."""
    cause = LookupError("no such card")

    def choose(authorities: tuple[bytes, ...]) -> Identity | None:
        raise cause

    server = kit.server(client_authentication=ClientAuthentication.OPTIONAL, trust_store=kit.trust)
    at_client, at_server = kit.pair(kit.client(choose_certificate=choose), server).attempt()
    same(_root_cause(at_client), cause, "what has caused the client's error")
    instance(at_server, ConnectionFault, "the server's error")


def _root_cause(error: BaseException | None) -> BaseException | None:
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return error


@case(
    "post-handshake",
    versions=TLS13,
    drives=QUICK,
    needs=[Feature.CLIENT_CERTIFICATES, Feature.POST_HANDSHAKE_AUTHENTICATION],
)
def authentication_after_the_handshake(kit: Kit) -> None:
    """A server may ask for the client's certificate later."""
    client = kit.client(identities=(kit.client_identity,), post_handshake_authentication=True)
    server = kit.server(post_handshake_authentication=True, trust_store=kit.trust)
    pair = kit.connected(client, server)
    same(pair.server.tls.getpeercert(), None, "the client's certificate before")
    pair.echo()  # takes in what the handshake has left over
    pair.drive({pair.server: pair.server.tls.request_client_certificate})[pair.server].result("the request")
    require(_has_come(pair.client), "the request is sent at once")
    for _ in range(2):  # the client answers when it reads, and the server hears of it at its next read
        pair.echo()
    equal(pair.server.tls.getpeercert(), kit.identities.client.chain[0], "the client's certificate")


def _other_role(kit: Kit, role: Feature) -> None:
    """A backend without a role refuses to make its context."""
    for backend in {kit.client_backend, kit.server_backend}:
        if not backend.capabilities.supports(role):
            make = backend.client_context if role is Feature.CLIENT else backend.server_context
            same(raises(UnsupportedFeature, make, f"a context for {role.value}").feature, role, "the feature")


def _declare_role(role: Feature) -> None:
    declare(
        Case(
            name=f"role-{role.name.lower()}-lacking",
            rules=("unsupported-role",),
            run=lambda kit: _other_role(kit, role),
            about=f"A backend that lacks {role.value} says so.",
            drives=(Drive.WHOLE,),
            versions=UNBOUND,
        )
    )


_declare_role(Feature.CLIENT)
_declare_role(Feature.SERVER)
