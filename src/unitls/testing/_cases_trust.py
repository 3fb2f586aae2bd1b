"""Cases on trust stores, and on what a connection tells about the peer's certificate."""

from __future__ import annotations

import hashlib

from ..api._errors import CertificateVerificationError, ConfigurationError, VerifyFailure
from ..api._features import Feature
from ..api._trust import TrustStore
from ..core._pem import to_pem
from ._case import EVERY_DRIVE, ONCE, QUICK, UNBOUND, case
from ._expect import equal, instance, raises, require, same
from ._kit import OTHER_HOST, Kit
from ._pair import Pair
from ._zoo_files import load_zoo


def _refused(pair: Pair, failure: VerifyFailure, what: str) -> None:
    at_client, _ = pair.attempt()
    error = instance(at_client, CertificateVerificationError, what)
    same(error.failure, failure, f"{what}: the failure")


def _stranger(kit: Kit) -> TrustStore:
    """A store of an authority that has nothing to do with the identities."""
    return TrustStore.from_buffer(next(case.trust_pem for case in load_zoo() if case.name == "good"))


@case("trust-buffer", "trust-file", "trust-neutral", "trust-replaced", drives=QUICK, versions=UNBOUND)
def trust_from_everywhere(kit: Kit) -> None:
    """The same store from a buffer in PEM or DER and from a file, by the neutral class and by the backend's own."""
    der, pem = kit.identities.authority.certificate_der, kit.identities.ca_pem
    path = kit.directory() / "ca.pem"
    path.write_bytes(b"a comment\n" + pem)
    for kind in (TrustStore, kit.client_backend.trust_store):
        made = [kind.from_buffer(pem), kind.from_buffer(der), kind.from_buffer(bytearray(pem))]  # type: ignore[arg-type]
        made += [kind.from_pem_file(item) for item in (path, str(path), bytes(path))]
        for store in made:
            client = kit.client(trust_store=_stranger(kit))
            client.use_trust_store(store)
            kit.connected(client)


@case("trust-exact", "verify-unknown-issuer")
def trust_in_someone_else(kit: Kit) -> None:
    """Only what is in the store is trusted."""
    _refused(kit.pair(kit.client(trust_store=_stranger(kit))), VerifyFailure.UNKNOWN_ISSUER, "another authority")


@case("trust-union", drives=ONCE, versions=UNBOUND)
def trust_in_several(kit: Kit) -> None:
    """A union trusts what any of its members trusts, and no more; a file may hold several certificates."""
    both = TrustStore.union(_stranger(kit), kit.trust)
    kit.connected(kit.client(trust_store=both))
    zoo = next(case for case in load_zoo() if case.name == "good")
    file = kit.directory() / "both.pem"
    file.write_bytes(zoo.trust_pem + kit.identities.ca_pem)
    kit.connected(kit.client(trust_store=TrustStore.from_pem_file(file)))
    same_store = TrustStore.union(TrustStore.from_pem_file(file))
    equal(same_store, both, "two stores of the same content")
    equal(hash(same_store), hash(both), "their hashes")
    _refused(
        kit.pair(kit.client(trust_store=TrustStore.union(_stranger(kit)))), VerifyFailure.UNKNOWN_ISSUER, "without it"
    )


@case("trust-union", drives=ONCE, versions=UNBOUND, client=[Feature.SYSTEM_TRUST_STORE])
def trust_in_the_system_too(kit: Kit) -> None:
    """A union with the system's store trusts both."""
    kit.connected(kit.client(trust_store=TrustStore.union(TrustStore.system(), kit.trust)))


@case("trust-system", "trust-default", drives=ONCE, versions=UNBOUND, client=[Feature.SYSTEM_TRUST_STORE])
def trust_in_the_system(kit: Kit) -> None:
    """The system's store, the default of a client, does not trust the test authority."""
    for client in (kit.client(trust_store=TrustStore.system()), kit.client(trust_store=None)):
        _refused(kit.pair(client), VerifyFailure.UNKNOWN_ISSUER, "the system's trust")


@case("trust-anchor-any", drives=ONCE, versions=UNBOUND)
def trust_in_an_intermediate_or_a_leaf(kit: Kit) -> None:
    """Any certificate can be an anchor: an intermediate, and the leaf itself."""
    server = kit.server(identities=(kit.other_identity,))
    for der in kit.identities.second_server.chain:
        kit.connected(kit.client(trust_store=TrustStore.from_buffer(der)), server, hostname=OTHER_HOST)


@case("trust-invalid", drives=ONCE, versions=UNBOUND)
def stores_that_are_none(kit: Kit) -> None:
    """What holds no certificate is a ConfigurationError; a file that is not there an OSError."""
    pem = kit.identities.ca_pem
    wrong = {
        "nothing": b"",
        "text": b"no certificates here\n",
        "a cut PEM": pem[: len(pem) // 2],
        "a cut certificate": to_pem(kit.identities.authority.certificate_der[:-10], "CERTIFICATE"),
        "binary": bytes(range(256)),
        "a private key": kit.identities.server.key_pem,
    }
    path = kit.directory() / "ca.pem"
    for what, content in wrong.items():
        raises(ConfigurationError, lambda c=content: TrustStore.from_buffer(c), what)
        path.write_bytes(content)
        error = raises(ConfigurationError, lambda: TrustStore.from_pem_file(path), what)
        require(path.name in str(error), "the message names the file")
    raises(OSError, lambda: TrustStore.from_pem_file(path.parent / "missing.pem"), "a file that is not there")
    raises(ConfigurationError, TrustStore.union, "a union of nothing")
    raises(ConfigurationError, lambda: kit.client().use_trust_store(str(path)), "a path as a store")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- what is told


@case("peer-certificate")
def peer_certificate(kit: Kit) -> None:
    """The client gets the server's certificate in DER; a server that asked for none has none."""
    pair = kit.connected()
    equal(pair.client.tls.getpeercert(), kit.identities.server.chain[0], "getpeercert() at the client")
    same(pair.server.tls.getpeercert(), None, "getpeercert() at the server")


@case("peer-chain", "register-chain", client=[Feature.PEER_CHAIN])
def peer_chain(kit: Kit) -> None:
    """The client gets what the server has sent, the leaf first: its leaf and its intermediates."""
    pair = kit.connected(server=kit.server(identities=(kit.other_identity,)), hostname=OTHER_HOST)
    equal(pair.client.tls.getpeerchain(), list(kit.identities.second_server.chain), "getpeerchain()")


@case("verified-chain", client=[Feature.VERIFIED_CHAIN])
def verified_chain(kit: Kit) -> None:
    """The client gets the path from the leaf to the anchor; it is empty without validation."""
    server = kit.server(identities=(kit.other_identity,))
    due = [*kit.identities.second_server.chain, kit.identities.authority.certificate_der]
    pair = kit.connected(server=server, hostname=OTHER_HOST)
    equal(pair.client.tls.getverifiedchain(), due, "getverifiedchain()")
    if kit.client_backend.capabilities.supports(Feature.DISABLE_VALIDATION):
        careless = kit.connected(kit.client(validate_certificates=False), server, hostname=OTHER_HOST)
        equal(careless.client.tls.getverifiedchain(), [], "getverifiedchain() without validation")


# ---------------------------------------------------------------------------------------------- pins, hooks, lists


def _pin(der: bytes) -> bytes:
    from ..core._x509 import certificate_fields

    return hashlib.sha256(certificate_fields(der).spki).digest()


@case("pins", drives=EVERY_DRIVE, client=[Feature.PINNING])
def pins(kit: Kit) -> None:
    """With pins, a certificate of the path has to have one of the keys, on top of everything else."""
    leaf, root = kit.identities.server.chain[0], kit.identities.authority.certificate_der
    for pinned in ([_pin(leaf)], [_pin(root)], [bytes(32), _pin(leaf)]):
        kit.connected(kit.client(pins=pinned))
    _refused(kit.pair(kit.client(pins=[bytes(32)])), VerifyFailure.OTHER, "another pin")
    wrong = kit.pair(kit.client(pins=[_pin(leaf)]), hostname="wrong.test")
    _refused(wrong, VerifyFailure.NAME_MISMATCH, "the right pin with a wrong name")


@case("pins", drives=ONCE, versions=UNBOUND, client=[Feature.PINNING])
def pins_that_are_none(kit: Kit) -> None:
    """A pin has 32 bytes, and needs validation."""
    for pin in (b"", bytes(20), "x" * 32):
        raises(ConfigurationError, lambda p=pin: kit.client(pins=[p]), f"the pin {pin!r}")
    raises(
        ConfigurationError, lambda: kit.client(pins=[bytes(32)], validate_certificates=False), "pins without validation"
    )


@case("verification-hook", "error-cause", client=[Feature.VERIFICATION_HOOK])
def verification_hook(kit: Kit) -> None:
    """The hook sees the accepted chain and may refuse it; what it raised is the cause."""
    chains: list[tuple[bytes, ...]] = []
    kit.connected(kit.client(verification_hook=chains.append))
    equal(len(chains), 1, "how often it was called")
    equal(chains[0][0], kit.identities.server.chain[0], "the leaf it was given")
    kit.pair(kit.client(verification_hook=chains.append), hostname="wrong.test").attempt()
    equal(len(chains), 1, "how often it was called for a certificate that was refused already")
    mistake = PermissionError("not this one")

    def refuse(chain: tuple[bytes, ...]) -> None:
        raise mistake

    at_client, _ = kit.pair(kit.client(verification_hook=refuse)).attempt()
    error = instance(at_client, CertificateVerificationError, "the client's error")
    same(error.failure, VerifyFailure.OTHER, "the failure")
    same(error.__cause__, mistake, "its cause")


@case("verification-time", client=[Feature.VERIFICATION_TIME], drives=ONCE)
def verification_time(kit: Kit) -> None:
    """Certificates are verified as of the time that is given."""
    for moment, failure in ((4_200_000_000.0, VerifyFailure.EXPIRED), (1_000_000_000.0, VerifyFailure.NOT_YET_VALID)):
        _refused(kit.pair(kit.client(verification_time=lambda m=moment: m)), failure, f"as of {moment}")
    kit.connected(kit.client(verification_time=lambda: 1_800_000_000.0))


@case("verification-depth", client=[Feature.VERIFICATION_DEPTH], drives=ONCE)
def verification_depth(kit: Kit) -> None:
    """A path may have as many intermediates as are allowed."""
    server = kit.server(identities=(kit.other_identity,))
    kit.connected(kit.client(verification_depth=1), server, hostname=OTHER_HOST)
    _refused(kit.pair(kit.client(verification_depth=0), server, hostname=OTHER_HOST), VerifyFailure.INVALID, "depth 0")
