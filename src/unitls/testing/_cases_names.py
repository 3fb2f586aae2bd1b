"""Cases on the name of the server: what is checked, what is sent as SNI, and names that are none."""

from __future__ import annotations

import functools
import importlib.util
import warnings
from collections.abc import Sequence
from typing import Any, Final

from ..api._errors import CertificateVerificationError, ConfigurationError, ConnectionFault, VerifyFailure
from ..api._features import Feature
from ..api._subjects import URI, DNSName, IPAddress, Subject
from ..core._names import ANY_SUBJECT, InsecureWarning
from ._audit import audited
from ._case import EVERY_DRIVE, ONCE, QUICK, UNBOUND, case
from ._ends import BufferEnd
from ._expect import NotApplicable, equal, instance, raises, require, same
from ._kit import HOST, Kit

_BAD_NAMES: Final = {
    "": "empty",
    "server.test\0.evil.test": "a null byte",
    "\0": "a null byte alone",
    f"{'a' * 64}.test": "a label of 64 characters",
    "server..test": "an empty label",
    ".server.test": "an empty first label",
    "server.test..": "two trailing dots",
    ".": "a dot alone",
    "server test": "a space",
    "*.server.test": "a wildcard",
    "server.test:443": "a port",
    "https://server.test": "a URL",
    "127.0.0.256": "an address out of range",
    "127.1": "an abbreviated address",
    ".".join(["a" * 60] * 5): "more than 253 characters",
    "xn--\N{LATIN SMALL LETTER U WITH DIAERESIS}.test": "a damaged A-label",
}


@case("name-checked", "verify-name-mismatch", "error-subject")
def wrong_name(kit: Kit) -> None:
    """A certificate for another name is refused, and the error says which name was asked for."""
    at_client, at_server = kit.pair(hostname="wrong.test").attempt()
    error = instance(at_client, CertificateVerificationError, "the client's error")
    same(error.failure, VerifyFailure.NAME_MISMATCH, "the failure")
    equal(error.subject, "wrong.test", "the subject of the error")
    require(at_server is not None, "the server learns that the client has gone")


@case("name-needed", drives=QUICK, versions=UNBOUND)
def no_name_to_check(kit: Kit) -> None:
    """With validation on, a client without server_hostname and valid_subjects is refused before a byte is sent."""
    client = kit.client()
    if kit.is_buffers:
        outgoing = kit.client_backend.memory_buffer()
        raises(ConfigurationError, lambda: client.wrap_buffers(kit.client_backend.memory_buffer(), outgoing), "no name")
        equal(outgoing.pending, 0, "what was sent")
    else:
        left, right = kit.sockets(blocking=False)
        raises(ConfigurationError, lambda: client.wrap_socket(left), "no name")
        raises(BlockingIOError, lambda: right.recv(1), "what was sent")


@case("name-none", "name-empty", drives=ONCE, versions=UNBOUND)
def names_that_are_none(kit: Kit) -> None:
    """What is no host name is a ConfigurationError, before a byte is sent."""
    client = kit.client()
    for name, what in _BAD_NAMES.items():
        buffers = kit.client_backend.memory_buffer(), kit.client_backend.memory_buffer()
        raises(ConfigurationError, functools.partial(client.wrap_buffers, *buffers, name), what)
        equal(buffers[1].pending, 0, "what was sent")
    buffers = kit.client_backend.memory_buffer(), kit.client_backend.memory_buffer()
    as_bytes: Any = b"server.test"
    raises(ConfigurationError, lambda: client.wrap_buffers(*buffers, as_bytes), "a name as bytes")


@case("name-trailing-dot", "name-case", "sni-sent", "info-server-name")
def names_that_mean_the_same(kit: Kit) -> None:
    """A trailing dot and the case make no difference; what is sent as SNI has neither."""
    for name in ("server.test.", "SERVER.Test", HOST):
        pair = kit.connected(hostname=name)
        equal(pair.server.tls.server_name, HOST, f"the SNI for {name!r}")
        equal(pair.client.tls.server_name, HOST, f"server_name for {name!r}")


@case("name-idna", "sni-idna", drives=QUICK, versions=UNBOUND)
def names_in_other_scripts(kit: Kit) -> None:
    """A name that is not ASCII goes through UTS 46; the server gets it decoded. Without `idna` it is refused."""
    name = "b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.test"
    if importlib.util.find_spec("idna") is None:
        error = raises(ConfigurationError, lambda: kit.pair(hostname=name), "a name that is not ASCII")
        require("idna" in str(error), "the message names the package that is missing")
        return
    for given in (name, name.upper(), "xn--bcher-kva.test"):
        pair = kit.pair(hostname=given, valid_subjects=[DNSName(HOST)])
        pair.handshake()
        equal(pair.server.tls.server_name, name, f"the name at the server for {given!r}")
        equal(pair.client.tls.server_name, "xn--bcher-kva.test", f"the name that was sent for {given!r}")


@case("name-ip", "sni-never-ip")
def addresses(kit: Kit) -> None:
    """An IP address is checked against iPAddress entries, and never sent as SNI."""
    for address in ("127.0.0.1", "::1", "[::1]"):
        pair = kit.connected(hostname=address)
        same(pair.server.tls.server_name, None, f"the SNI for {address}")
        same(pair.client.tls.server_name, None, f"the SNI for {address}")
    at_client, _ = kit.pair(hostname="127.0.0.2").attempt()
    error = instance(at_client, CertificateVerificationError, "the client's error")
    same(error.failure, VerifyFailure.NAME_MISMATCH, "the failure for another address")


@case("sni-none", versions=UNBOUND)
def no_sni_without_a_name(kit: Kit) -> None:
    """Where no name is given, none is sent."""
    pair = kit.connected(hostname=None, valid_subjects=[DNSName(HOST)])
    same(pair.server.tls.server_name, None, "the SNI")


@case("subjects-replace", "subjects-not-sni")
def subjects_instead_of_the_name(kit: Kit) -> None:
    """valid_subjects replaces server_hostname for the check, and not for SNI."""
    pair = kit.connected(hostname="front.test", valid_subjects=[DNSName(HOST)])
    equal(pair.server.tls.server_name, "front.test", "the SNI")
    at_client, _ = kit.pair(hostname=HOST, valid_subjects=[DNSName("front.test")]).attempt()
    error = instance(at_client, CertificateVerificationError, "the right name with other subjects")
    same(error.failure, VerifyFailure.NAME_MISMATCH, "the failure")


@case("subjects-any", versions=UNBOUND)
def any_of_several_subjects(kit: Kit) -> None:
    """One matching subject suffices, of whatever kind."""
    wrong: list[Subject] = [DNSName("wrong.test"), IPAddress("192.0.2.1"), URI("spiffe://wrong.test/x")]
    for right in (DNSName("localhost"), IPAddress("127.0.0.1"), IPAddress("::1"), DNSName("SERVER.TEST.")):
        kit.connected(hostname=None, valid_subjects=[*wrong, right])
    at_client, _ = kit.pair(hostname=None, valid_subjects=wrong).attempt()
    error = instance(at_client, CertificateVerificationError, "only wrong subjects")
    same(error.failure, VerifyFailure.NAME_MISMATCH, "the failure")
    text = error.subject or ""
    require(all(str(item) in text for item in wrong), f"the subject of the error names what was asked for: {text!r}")


@case("subjects-kinds", drives=ONCE, versions=UNBOUND)
def subjects_of_the_wrong_kind(kit: Kit) -> None:
    """A dNSName entry does not stand for an address or a URI, nor the other way round."""
    for subject in (URI("https://server.test/"), URI("spiffe://server.test/")):
        at_client, _ = kit.pair(hostname=HOST, valid_subjects=[subject]).attempt()
        error = instance(at_client, CertificateVerificationError, f"the subject {subject}")
        same(error.failure, VerifyFailure.NAME_MISMATCH, "the failure")


@case("subjects-kinds", "subjects-uri", drives=ONCE, versions=UNBOUND)
def subjects_that_are_uris(kit: Kit) -> None:
    """A URI is matched as a whole against uniformResourceIdentifier entries."""
    if importlib.util.find_spec("cryptography") is None:
        raise NotApplicable("the package cryptography is needed to make a certificate with a URI")
    from ._kit import identity_of

    issued = kit.identities.authority.issue(uris=["spiffe://site.test/billing"])
    server = kit.server(identities=(identity_of(issued),))
    kit.connected(server=server, hostname=None, valid_subjects=[URI("spiffe://site.test/billing")])
    for other in ("spiffe://site.test/billing/", "spiffe://site.test", "spiffe://other.test/billing"):
        at_client, _ = kit.pair(server=server, hostname=None, valid_subjects=[URI(other)]).attempt()
        instance(at_client, CertificateVerificationError, f"the subject {other}")


@case("subjects-empty", drives=ONCE, versions=UNBOUND)
def subjects_that_cannot_match(kit: Kit) -> None:
    """An empty list, a string, or something untyped in the list is a ConfigurationError."""
    wrong: Sequence[Any] = ((), [], "server.test", b"server.test", ["server.test"], [DNSName(HOST), None])
    for subjects in wrong:
        what = f"valid_subjects={subjects!r}"
        raises(ConfigurationError, lambda s=subjects: kit.pair(valid_subjects=s), what)


@case("subjects-off", "insecure-audited", drives=EVERY_DRIVE, versions=UNBOUND)
def the_check_of_the_name_switched_off(kit: Kit) -> None:
    """ANY_SUBJECT accepts every name, warns, and raises an auditing event; the issuer is still checked."""
    with warnings.catch_warnings(record=True) as caught, audited() as events:
        warnings.simplefilter("always")
        kit.connected(hostname="wrong.test", valid_subjects=ANY_SUBJECT)
        kit.connected(hostname=None, valid_subjects=ANY_SUBJECT)
        stranger = kit.identities.client.chain[0]
        at_client, _ = kit.pair(kit.client(trust_store=_store(stranger)), valid_subjects=ANY_SUBJECT).attempt()
    require(any(item.category is InsecureWarning for item in caught), "a warning")
    require(any(name == "unitls.insecure" for name, _ in events), "an auditing event")
    error = instance(at_client, CertificateVerificationError, "an unknown issuer with ANY_SUBJECT")
    same(error.failure, VerifyFailure.UNKNOWN_ISSUER, "the failure")


@case("validate-off", "insecure-audited", client=[Feature.DISABLE_VALIDATION])
def validation_switched_off(kit: Kit) -> None:
    """Without validation nothing is validated: neither issuer nor name; nor is a name needed."""
    client = kit.client()
    with audited() as events:
        client.validate_certificates = False
        for name in (None, "wrong.test"):
            pair = kit.connected(client, hostname=name)
            equal(pair.client.tls.getpeercert(), kit.identities.server.chain[0], "the peer's certificate")
            pair.echo()
        trusting_none = kit.client(validate_certificates=False, trust_store=_store(kit.identities.client.chain[0]))
        kit.connected(trusting_none, hostname="wrong.test")
    require(any(name == "unitls.insecure" for name, _ in events), "an auditing event")
    client.validate_certificates = True
    at_client, _ = kit.pair(client, hostname="wrong.test").attempt()
    instance(at_client, CertificateVerificationError, "validation switched on again")


@case("wildcard")
def wildcards(kit: Kit) -> None:
    """A wildcard stands for exactly one left-most label."""
    server = kit.server(identities=(kit.other_identity,))
    for good in ("a.other.test", "xn--bcher-kva.other.test", "other.test"):
        kit.connected(server=server, hostname=good)
    for bad in ("a.b.other.test", "another.test"):
        at_client, _ = kit.pair(server=server, hostname=bad).attempt()
        instance(at_client, CertificateVerificationError, f"the name {bad}")


@case("name-checked-first", drives=ONCE)
def nothing_follows_a_wrong_name(kit: Kit) -> None:
    """A client that refuses the server says nothing more than an alert: neither Finished nor data."""
    pair = kit.pair(hostname="wrong.test")
    pair.attempt()
    for call in (lambda: pair.client.write(b"x"), lambda: pair.client.read(1), pair.client.tls.do_handshake):
        raises(ConnectionFault, call, "the client after a refusal")
    assert isinstance(pair.client, BufferEnd)
    left = bytes(pair.client.outgoing.read())
    require(len(left) <= 64, f"the client still sends {len(left)} bytes")


def _store(der: bytes) -> Any:
    from ..api._trust import TrustStore

    return TrustStore.from_buffer(der)
