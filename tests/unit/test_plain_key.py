"""Encrypted keys, decrypted for libraries that take only plain ones."""

from __future__ import annotations

import pytest
from _certs import rsa_key
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

import unitls
from unitls.core._plain_key import plain_key, plain_pkcs8
from unitls.core._values import NeutralPrivateKey
from unitls.testing import load_key_zoo

KEYS = load_key_zoo()


@pytest.mark.parametrize("name", KEYS)
def test_each_form_is_the_same_key(name: str) -> None:
    content, password = KEYS[name]
    kind = name.partition("-")[0]
    due = plain_pkcs8(NeutralPrivateKey.from_buffer(KEYS[f"{kind}-pkcs8-pem"][0]))
    assert plain_pkcs8(NeutralPrivateKey.from_buffer(content, password)) == due


@pytest.mark.parametrize("password", [b"wrong", b"x" * 5000])
@pytest.mark.parametrize("name", [name for name, (_, password) in KEYS.items() if password])
def test_a_wrong_passphrase_is_told(name: str, password: bytes) -> None:
    with pytest.raises(unitls.ConfigurationError, match="passphrase"):
        plain_key(NeutralPrivateKey.from_buffer(KEYS[name][0], password))


def test_a_key_that_cannot_sign_is_told() -> None:
    agreeing = x25519.X25519PrivateKey.generate().private_bytes(
        Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    with pytest.raises(unitls.ConfigurationError, match="cannot authenticate"):
        plain_key(NeutralPrivateKey.from_buffer(agreeing, b"secret"))


def test_a_damaged_key_under_the_encryption_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The primes are not tested again, but the numbers have to fit each other."""
    plain = rsa_key().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    prime = rsa_key().private_numbers().p
    size = (prime.bit_length() + 7) // 8
    damaged = plain.replace(prime.to_bytes(size, "big"), (prime - 2).to_bytes(size, "big"))
    assert damaged != plain
    monkeypatch.setattr(_Loaded, "content", damaged)
    monkeypatch.setattr(serialization, "load_pem_private_key", lambda *_, **__: _Loaded())
    content, password = KEYS["rsa-pkcs8-encrypted-pem"]
    with pytest.raises(unitls.ConfigurationError, match="do not fit each other"):
        plain_key(NeutralPrivateKey.from_buffer(content, password))


class _Loaded:
    """What `cryptography` has read."""

    content = b""

    def private_bytes(self, *_: object) -> bytes:
        return self.content
