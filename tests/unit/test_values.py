from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from _link import IDS, identity

import unitls
from unitls.core._keys import key_material
from unitls.core._values import NeutralCertificate, NeutralPrivateKey, NeutralTrustStore
from unitls.testing._zoo_files import load_key_zoo

KEYS = load_key_zoo()
ENCRYPTED = sorted(name for name, (_, password) in KEYS.items() if password is not None)
PLAIN = sorted(name for name, (_, password) in KEYS.items() if password is None)
LEAF = IDS.server.chain[0]


class Asked:
    """A passphrase callable that counts."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.count = 0

    def __call__(self) -> Any:
        self.count += 1
        return self.answer


# ---------------------------------------------------------------------------------------------- certificates


def test_pem_and_der_are_the_same_certificate(tmp_path: Path) -> None:
    der, pem = unitls.Certificate.from_buffer(LEAF), unitls.Certificate.from_buffer(IDS.server.certificate_pem)
    assert der == pem
    assert hash(der) == hash(pem)
    assert isinstance(der, unitls.Certificate)
    path = tmp_path / "leaf"
    for content in (LEAF, IDS.server.certificate_pem):
        path.write_bytes(content)
        for form in (path, str(path), bytes(path)):
            assert unitls.Certificate.from_file(form) == der
    assert der != unitls.Certificate.from_buffer(IDS.client.chain[0])
    assert der != LEAF
    assert "bytes" in repr(der)


@pytest.mark.parametrize("make", [bytearray, memoryview])
def test_any_bytes_hold_a_certificate(make: Any) -> None:
    assert unitls.Certificate.from_buffer(make(LEAF)) == unitls.Certificate.from_buffer(LEAF)


def test_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.pem"
    path.write_bytes(b"")
    for load in (
        unitls.Certificate.from_file,
        unitls.PrivateKey.from_file,
        unitls.TrustStore.from_file,
        unitls.TrustStore.from_pem_file,
        unitls.load_chain,
    ):
        with pytest.raises(unitls.ConfigurationError, match=r"empty\.pem"):
            load(path)
        with pytest.raises(FileNotFoundError):
            load(tmp_path / "missing")


def test_several_certificates_where_one_is_asked(tmp_path: Path) -> None:
    several = IDS.second_server.certificate_pem
    with pytest.raises(unitls.ConfigurationError, match="load_chain"):
        unitls.Certificate.from_buffer(several)
    path = tmp_path / "chain.pem"
    path.write_bytes(several + IDS.second_server.key_pem)
    assert [item.der for item in unitls.load_chain(path)] == list(IDS.second_server.chain)  # type: ignore[attr-defined]


def test_a_token_is_referred_to_by_uri() -> None:
    certificate = unitls.Certificate.from_pkcs11("pkcs11:object=leaf")
    assert certificate == unitls.Certificate.from_pkcs11("pkcs11:object=leaf")
    assert "pkcs11:object=leaf" in repr(certificate)
    key = unitls.PrivateKey.from_pkcs11("pkcs11:object=key", b"1234")
    assert "1234" not in repr(key)
    for make in (unitls.Certificate.from_pkcs11, unitls.PrivateKey.from_pkcs11):
        with pytest.raises(unitls.ConfigurationError, match="pkcs11:"):
            make("file:/tmp/x")
        with pytest.raises(unitls.ConfigurationError):
            make(b"pkcs11:x")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- private keys


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_key_ignores_the_passphrase(name: str) -> None:
    asked = Asked(b"unused")
    for password in (None, b"unused", bytearray(b"unused"), asked):
        key = unitls.PrivateKey.from_buffer(KEYS[name][0], password)
        assert isinstance(key, NeutralPrivateKey)
        assert key.material is not None
        assert not key.material.is_encrypted
    assert asked.count == 0


@pytest.mark.parametrize("name", ENCRYPTED)
def test_an_encrypted_key_asks_when_it_is_needed_and_once(name: str) -> None:
    data, password = KEYS[name]
    asked = Asked(password)
    key = unitls.PrivateKey.from_buffer(data, asked)
    assert isinstance(key, NeutralPrivateKey)
    assert asked.count == 0
    assert [key.passphrase(), key.passphrase()] == [password, password]
    assert asked.count == 1
    assert NeutralPrivateKey.from_buffer(data, bytearray(password or b"")).passphrase() == password
    with pytest.raises(unitls.ConfigurationError, match="encrypted"):
        unitls.PrivateKey.from_buffer(data)


@pytest.mark.parametrize("answer", ["text", 5, None, [1]])
def test_a_passphrase_is_bytes(answer: Any) -> None:
    key = NeutralPrivateKey.from_buffer(KEYS[ENCRYPTED[0]][0], Asked(answer))
    with pytest.raises(unitls.ConfigurationError, match="passphrase must be bytes"):
        key.passphrase()
    with pytest.raises(unitls.ConfigurationError, match="pass"):
        unitls.PrivateKey.from_buffer(KEYS[ENCRYPTED[0]][0], answer)


def test_a_passphrase_may_be_wiped_once_the_key_was_made() -> None:
    data, password = KEYS[ENCRYPTED[0]]
    assert password is not None
    given = bytearray(password)
    key = NeutralPrivateKey.from_buffer(data, given)
    given[:] = bytes(len(given))
    assert key.passphrase() == password


def test_an_exception_of_the_callable_reaches_the_caller() -> None:
    def fail() -> bytes:
        raise KeyError("vault")

    with pytest.raises(KeyError, match="vault"):
        NeutralPrivateKey.from_buffer(KEYS[ENCRYPTED[0]][0], fail).passphrase()


def test_keys_compare_by_identity() -> None:
    one, two = (unitls.PrivateKey.from_buffer(IDS.server.key_pem) for _ in range(2))
    assert one != two
    assert one == one
    assert len({one, two}) == 2


def test_nothing_shows_a_key_or_a_passphrase() -> None:
    data, password = KEYS[ENCRYPTED[0]]
    assert password is not None
    plain = IDS.server.key_pem
    body = plain.decode().splitlines()[1]
    values = [
        unitls.PrivateKey.from_buffer(data, password),
        unitls.PrivateKey.from_buffer(plain),
        identity(),
        unitls.TLSServerConfiguration(identities=(identity(),), ticket_keys=(b"ticket-secret",)),
        unitls.TLSClientConfiguration(external_psk=unitls.ExternalPSK(b"name", b"psk-secret")),
        unitls.Session("native-secret", 0.0, True),
    ]
    for value in values:
        for text in (repr(value), str(value)):
            for secret in (password.decode(), body, "ticket-secret", "psk-secret", "native-secret"):
                assert secret not in text


@pytest.mark.parametrize("dump", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_key_is_not_pickled_or_copied(dump: Any) -> None:
    with pytest.raises(TypeError, match="private key"):
        dump(unitls.PrivateKey.from_buffer(IDS.server.key_pem))


@pytest.mark.parametrize("dump", [pickle.dumps, copy.copy, copy.deepcopy])
@pytest.mark.parametrize(
    "secret",
    [
        unitls.ExternalPSK(b"me", bytes(32)),
        unitls.Session(b"secret", 0, False),
        unitls.TLSServerConfiguration(ticket_keys=(bytes(32),)),
        unitls.Certificate.from_pkcs11("pkcs11:token=t?pin-value=1234"),
        key_material(IDS.server.key_pem),
    ],
)
def test_what_holds_a_secret_is_not_pickled_or_copied(dump: Any, secret: Any) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        dump(secret)


def test_a_configuration_with_a_shared_key_is_not_pickled() -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(unitls.TLSClientConfiguration(external_psk=unitls.ExternalPSK(b"me", bytes(32))))


@pytest.mark.parametrize(
    "value",
    [
        unitls.TLSServerConfiguration(ticket_count=1),
        unitls.TLSClientConfiguration(trust_store=unitls.TrustStore.from_buffer(IDS.ca_pem)),
        unitls.Certificate.from_buffer(IDS.server.chain[0]),
        unitls.Certificate.from_pkcs11("pkcs11:token=t"),
    ],
)
def test_what_holds_no_secret_is_pickled_and_copied(value: Any) -> None:
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == copy.deepcopy(value) == value


@pytest.mark.parametrize("load", [unitls.PrivateKey.from_file, unitls.TrustStore.from_file, unitls.load_chain])
@pytest.mark.parametrize("path", [IDS.server.key_pem, IDS.server.key_pem.decode()])
def test_a_key_in_place_of_a_path_is_not_shown(load: Any, path: Any) -> None:
    with pytest.raises(unitls.ConfigurationError, match="the content of a file, and not its path") as caught:
        load(path)
    assert "BEGIN" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_a_signer() -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    public = load_pem_private_key(IDS.server.key_pem, None).public_key()
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = unitls.PrivateKey.from_signer(spki, lambda scheme, message: b"")
    assert isinstance(key, NeutralPrivateKey)
    assert (key.public_key, repr(key)) == (spki, "<PrivateKey signer>")
    with pytest.raises(unitls.ConfigurationError, match="SubjectPublicKeyInfo"):
        unitls.PrivateKey.from_signer(b"no key", lambda scheme, message: b"")
    with pytest.raises(unitls.ConfigurationError, match="callable"):
        unitls.PrivateKey.from_signer(spki, None)  # type: ignore[arg-type]
    for wrong in ("text", 7, None):
        with pytest.raises(unitls.ConfigurationError, match="public key"):
            unitls.PrivateKey.from_signer(wrong, lambda scheme, message: b"")  # type: ignore[arg-type]


# ---------------------------------------------------------------------------------------------- trust


def test_trust_compares_by_content(tmp_path: Path) -> None:
    ca, other = IDS.ca_pem, IDS.client.certificate_pem
    one, two = unitls.TrustStore.from_buffer(ca + other), unitls.TrustStore.from_buffer(other + ca + other)
    assert one == two
    assert hash(one) == hash(two)
    assert one == unitls.TrustStore.union(unitls.TrustStore.from_buffer(ca), unitls.TrustStore.from_buffer(other))
    assert one != unitls.TrustStore.from_buffer(ca)
    assert one != ca
    path = tmp_path / "ca.pem"
    path.write_bytes(ca)
    assert unitls.TrustStore.from_pem_file(str(path)) == unitls.TrustStore.from_buffer(ca)
    path.write_bytes(IDS.authority.certificate_der)
    assert unitls.TrustStore.from_file(path) == unitls.TrustStore.from_buffer(ca)


def test_the_system_is_a_store_of_its_own() -> None:
    system, ca = unitls.TrustStore.system(), unitls.TrustStore.from_buffer(IDS.ca_pem)
    assert system == unitls.TrustStore.system()
    both = unitls.TrustStore.union(system, ca)
    assert isinstance(both, NeutralTrustStore)
    assert both.is_system
    assert both.anchors == (IDS.authority.certificate_der,)
    assert len({system, ca, both}) == 3
    assert [repr(item) for item in (system, ca, both)] == [
        "<TrustStore system>",
        "<TrustStore 1 anchors>",
        "<TrustStore system and 1 anchors>",
    ]


def test_a_union_needs_stores_that_can_be_taken_apart() -> None:
    with pytest.raises(unitls.ConfigurationError):
        unitls.TrustStore.union()

    class Foreign(unitls.TrustStore):
        @classmethod
        def system(cls) -> Foreign:
            raise NotImplementedError

        @classmethod
        def from_pem_file(cls, path: Any) -> Foreign:
            raise NotImplementedError

    with pytest.raises(unitls.ConfigurationError, match="Foreign"):
        unitls.TrustStore.union(unitls.TrustStore.system(), Foreign())
    with pytest.raises(TypeError, match="does not implement"):
        Foreign.from_buffer(b"x")


def test_certifi_when_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    with pytest.raises(unitls.ConfigurationError, match="pip install certifi"):
        unitls.TrustStore.certifi()


# ---------------------------------------------------------------------------------------------- identities


def test_an_identity_is_a_list_of_certificates_and_a_key() -> None:
    certificate, key = unitls.Certificate.from_buffer(LEAF), unitls.PrivateKey.from_buffer(IDS.server.key_pem)
    assert unitls.Identity([certificate], key).certificates == (certificate,)
    for chain, wrong in (
        ([], key),
        (certificate, key),
        ([LEAF], key),
        ("leaf.pem", key),
        ([certificate], IDS.server.key_pem),
    ):
        with pytest.raises(unitls.ConfigurationError):
            unitls.Identity(chain, wrong)  # type: ignore[arg-type]


def test_the_abstract_classes_cannot_be_made() -> None:
    for kind in (unitls.Certificate, unitls.PrivateKey, unitls.TrustStore):
        with pytest.raises(TypeError, match="abstract"):
            kind()  # type: ignore[abstract]
    assert issubclass(NeutralCertificate, unitls.Certificate)
