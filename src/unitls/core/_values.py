"""The neutral values behind `Certificate`, `PrivateKey` and `TrustStore`: every backend accepts them."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, Final, SupportsIndex

from ..api._certificates import Certificate, Password, PrivateKey, Signer, StrPath
from ..api._errors import ConfigurationError
from ..api._trust import TrustStore
from ._der import DERError, enter_whole
from ._keys import KeyMaterial, key_material
from ._pem import buffer_bytes, certificates_from, one_certificate_from
from ._pkcs11_uri import without_pin
from ._secrets import forget_locals

if TYPE_CHECKING:
    from ._platform import PlatformVerifier

_SEQUENCE: Final = 0x30


def read_file(path: StrPath) -> bytes:
    """The bytes of the file at `path`.

    Raises:
        ConfigurationError: it is no path but a key or a certificate itself, which the `OSError` would show.
        OSError: it cannot be read.
    """
    if _holds_pem(path):
        raise ConfigurationError("this is the content of a file, and not its path: use from_buffer")
    with open(path, "rb") as file:
        return file.read()


def _holds_pem(path: StrPath) -> bool:
    return "-----BEGIN " in os.fsdecode(path)


def _naming(path: StrPath, error: ConfigurationError) -> ConfigurationError:
    return ConfigurationError(str(error) if _holds_pem(path) else f"{os.fsdecode(path)}: {error}")


def _checked_uri(uri: str) -> str:
    if not isinstance(uri, str) or not uri.startswith("pkcs11:"):
        raise ConfigurationError("a PKCS#11 URI begins with 'pkcs11:' (RFC 7512)")
    return uri


class NeutralCertificate(Certificate, neutral=True):
    """A certificate in memory, or the URI of one in a token."""

    __slots__ = ("der", "uri")

    def __init__(self, der: bytes | None, uri: str | None = None) -> None:
        self.der: Final = der
        self.uri: Final = uri

    @classmethod
    def from_buffer(cls, buffer: bytes) -> NeutralCertificate:
        return cls(one_certificate_from(buffer))

    @classmethod
    def from_file(cls, path: StrPath) -> NeutralCertificate:
        try:
            return cls.from_buffer(read_file(path))
        except ConfigurationError as error:
            raise _naming(path, error) from error

    @classmethod
    def from_pkcs11(cls, uri: str) -> NeutralCertificate:
        return cls(None, _checked_uri(uri))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NeutralCertificate):
            return NotImplemented
        return (self.der, self.uri) == (other.der, other.uri)

    def __hash__(self) -> int:
        return hash((self.der, self.uri))

    def __repr__(self) -> str:
        what = without_pin(self.uri or "") if self.der is None else f"of {len(self.der)} bytes"
        return f"<Certificate {what}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if self.uri is not None and self.uri != without_pin(self.uri):
            raise TypeError("a certificate whose URI holds a PIN cannot be pickled")
        return object.__reduce_ex__(self, protocol)


class NeutralPrivateKey(PrivateKey, neutral=True):
    """A key in memory, the URI of one in a token, or a signer."""

    __slots__ = ("_lock", "_password", "material", "public_key", "sign", "sign_digest", "uri")

    def __init__(
        self,
        *,
        material: KeyMaterial | None = None,
        password: Password = None,
        uri: str | None = None,
        public_key: bytes | None = None,
        sign: Signer | None = None,
        sign_digest: Signer | None = None,
    ) -> None:
        self.material: Final = material
        self.uri: Final = uri
        self.public_key: Final = public_key
        self.sign: Final = sign
        self.sign_digest: Final = sign_digest
        self._password = password
        self._lock = threading.Lock()

    @property
    def is_plain(self) -> bool:
        """Whether it is used without anything of the program's being called."""
        return self.sign is None and self.sign_digest is None and not callable(self._password)

    def passphrase(self) -> bytes | None:
        """The passphrase (or PIN), asked for once and then remembered.

        Raises:
            ConfigurationError: the callable gave something that is not bytes.
        """
        with self._lock:
            if self._password is None:
                return None
            answer = self._password() if callable(self._password) else self._password
            if not isinstance(answer, (bytes, bytearray)):
                raise ConfigurationError("a passphrase must be bytes or bytearray, or a callable that returns one")
            self._password = bytes(answer)
            return self._password

    @classmethod
    def from_buffer(cls, buffer: bytes, password: Password = None) -> NeutralPrivateKey:
        material = key_material(buffer)
        if isinstance(password, bytearray):
            password = bytes(password)  # the caller may wipe it as soon as we return
        if password is not None and not callable(password) and not isinstance(password, bytes):
            raise ConfigurationError("a passphrase must be bytes or bytearray, or a callable that returns one")
        if material.is_encrypted and password is None:
            raise ConfigurationError("the private key is encrypted: pass its passphrase as password")
        return cls(material=material, password=password)

    @classmethod
    def from_file(cls, path: StrPath, password: Password = None) -> NeutralPrivateKey:
        try:
            return cls.from_buffer(read_file(path), password)
        except ConfigurationError as error:
            forget_locals(error)
            raise _naming(path, error) from error

    @classmethod
    def from_pkcs11(cls, uri: str, pin: Password = None) -> NeutralPrivateKey:
        return cls(uri=_checked_uri(uri), password=pin)

    @classmethod
    def from_signer(cls, public_key: bytes, sign: Signer, *, sign_digest: Signer | None = None) -> NeutralPrivateKey:
        public_key = buffer_bytes(public_key, "public key")
        try:
            enter_whole(public_key, _SEQUENCE)
        except DERError as error:
            raise ConfigurationError(f"the public key is not a SubjectPublicKeyInfo in DER: {error}") from error
        if not callable(sign) or not (sign_digest is None or callable(sign_digest)):
            raise ConfigurationError("a signer must be callable")
        return cls(public_key=public_key, sign=sign, sign_digest=sign_digest)

    def __repr__(self) -> str:
        return f"<PrivateKey {without_pin(self.uri or '') or ('signer' if self.sign else 'in memory')}>"

    def __reduce__(self) -> str:
        raise TypeError("a private key cannot be pickled")


class NeutralTrustStore(TrustStore, neutral=True):
    """Some anchors in DER, the system's store, or both.

    Args:
        anchors: the anchors.
        is_system: whether the system's are trusted.
        platform: what verifies in the place of this system's own verification, if it has one.
    """

    __slots__ = ("_hash", "anchors", "is_system", "platform")

    def __init__(
        self, anchors: tuple[bytes, ...] = (), *, is_system: bool = False, platform: PlatformVerifier | None = None
    ) -> None:
        self.anchors: Final = anchors
        self.is_system: Final = is_system
        self.platform: Final = platform
        self._hash = hash((frozenset(anchors), is_system, platform))

    @classmethod
    def system(cls) -> NeutralTrustStore:
        return cls(is_system=True)

    @classmethod
    def from_buffer(cls, buffer: bytes) -> NeutralTrustStore:
        return cls(tuple(dict.fromkeys(certificates_from(buffer))))

    @classmethod
    def from_file(cls, path: StrPath) -> NeutralTrustStore:
        try:
            return cls.from_buffer(read_file(path))
        except ConfigurationError as error:
            raise _naming(path, error) from error

    from_pem_file = from_file

    @classmethod
    def union(cls, *stores: TrustStore) -> NeutralTrustStore:
        if not stores:
            raise ConfigurationError("a union needs at least one trust store")
        anchors: dict[bytes, None] = {}
        joined: list[NeutralTrustStore] = []
        for store in stores:
            if not isinstance(store, NeutralTrustStore):
                raise ConfigurationError(f"a {type(store).__name__} cannot be joined with another store")
            joined.append(store)
            anchors.update(dict.fromkeys(store.anchors))
        platform = next((store.platform for store in joined if store.platform is not None), None)
        return cls(tuple(anchors), is_system=any(store.is_system for store in joined), platform=platform)

    @classmethod
    def certifi(cls) -> NeutralTrustStore:
        try:
            import certifi
        except ImportError:
            raise ConfigurationError("the package 'certifi' is not installed: pip install certifi") from None
        return cls.from_file(certifi.where())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, NeutralTrustStore):
            return NotImplemented
        same = (self.is_system, self.platform) == (other.is_system, other.platform)
        return same and frozenset(self.anchors) == frozenset(other.anchors)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        parts = ["system"] if self.is_system else []
        if self.anchors or not parts:
            parts.append(f"{len(self.anchors)} anchors")
        return f"<TrustStore {' and '.join(parts)}>"


def load_chain(path: StrPath) -> list[Certificate]:
    """Read a file of several certificates, as servers are given them.

    Args:
        path: a file in PEM (the leaf first, then the intermediates) or one certificate in DER. Private keys in it are
            passed over.

    Returns:
        The certificates in the order of the file, ready for ``register_certificates``.

    Raises:
        ConfigurationError: it holds no certificate, or a damaged one; the message names the file.
        OSError: it cannot be read.
    """
    try:
        return [NeutralCertificate(der) for der in certificates_from(read_file(path))]
    except ConfigurationError as error:
        raise _naming(path, error) from error
