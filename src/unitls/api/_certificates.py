"""Certificates and private keys: handles that say where to find one, as abstract as a TLS library needs them to be.

The constructors called on the abstract class itself give neutral values, which every backend accepts. Core supplies the
classes of those values (`neutral=True`), since this layer neither reads files nor parses.
"""

from __future__ import annotations

import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from ._errors import ConfigurationError

StrPath: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""A path as `open` takes it."""

Password: TypeAlias = bytes | bytearray | Callable[[], bytes | bytearray] | None
"""A passphrase, or a callable that gives one; it is called only when a key is encrypted."""

Signer: TypeAlias = Callable[[int, bytes], bytes]
"""``sign(signature_scheme, message) -> signature``: the IANA SignatureScheme, the bytes to sign, the signature."""


class _Neutral:
    """Lets core supply the neutral value class behind an abstract class."""

    _neutral: ClassVar[type[Any] | None] = None
    _load: ClassVar[Callable[[], object]] = staticmethod(lambda: None)
    """Imports the modules that supply the values: they are needed by who makes one, and not by every import."""

    def __init_subclass__(cls, *, neutral: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if neutral:
            for base in cls.__mro__[1:]:
                if _Neutral in base.__bases__:
                    base._neutral = cls  # type: ignore[attr-defined]

    @classmethod
    def _constructor(cls) -> type[Any]:
        """The class whose constructors to use: the neutral one when called on the abstract class itself."""
        if _Neutral in cls.__bases__ and cls._neutral is None:
            cls._load()
        chosen = cls._neutral if _Neutral in cls.__bases__ else None
        if chosen is None:
            raise TypeError(f"{cls.__name__} does not implement this constructor")
        return chosen


class Certificate(_Neutral, metaclass=ABCMeta):
    """An X.509 certificate.

    Values are immutable and safe to share between threads and contexts. Two of the same content are equal.
    """

    @classmethod
    @abstractmethod
    def from_buffer(cls, buffer: bytes) -> Certificate:
        """Create a certificate from a byte buffer.

        Args:
            buffer: PEM, which begins with ``-----BEGIN CERTIFICATE-----`` (text may stand before it), or else DER.
                Any bytes-like object.

        Returns:
            The certificate.

        Raises:
            ConfigurationError: the buffer is empty, damaged, of another kind, or holds several certificates
                (`load_chain` reads those).
        """
        return cls._constructor().from_buffer(buffer)  # type: ignore[no-any-return]

    @classmethod
    @abstractmethod
    def from_file(cls, path: StrPath) -> Certificate:
        """Create a certificate from a file on disk, read now.

        Args:
            path: a file in PEM or DER.

        Returns:
            The certificate.

        Raises:
            ConfigurationError: as for `from_buffer`; the message names the file.
            OSError: the file cannot be read.
        """
        return cls._constructor().from_file(path)  # type: ignore[no-any-return]

    @classmethod
    def from_pkcs11(cls, uri: str) -> Certificate:
        """Refer to a certificate in a PKCS#11 token (RFC 7512). Needs `Feature.PKCS11` of the backend.

        Args:
            uri: a ``pkcs11:`` URI.

        Raises:
            ConfigurationError: it is not such a URI.
        """
        return cls._constructor().from_pkcs11(uri)  # type: ignore[no-any-return]


class PrivateKey(_Neutral, metaclass=ABCMeta):
    """The private key that belongs to a certificate.

    Values compare by identity, so that a rotated key never meets a context that was cached for the old one. Their
    ``repr`` shows neither the key nor the passphrase.
    """

    @classmethod
    @abstractmethod
    def from_buffer(cls, buffer: bytes, password: Password = None) -> PrivateKey:
        """Create a private key from a byte buffer.

        Args:
            buffer: PEM or DER: PKCS#8 (plain or encrypted), PKCS#1, SEC1, or traditional encrypted PEM. Any
                bytes-like object.
            password: for an encrypted key; ignored for one that is not. A callable is called when the key is first
                needed, once.

        Returns:
            The key. It is decrypted when a context first uses it, not now.

        Raises:
            ConfigurationError: the buffer is empty, damaged or of another kind, or the key is encrypted and there is
                no password. A wrong password is reported where the key is first used, also as `ConfigurationError`.
        """
        return cls._constructor().from_buffer(buffer, password)  # type: ignore[no-any-return]

    @classmethod
    @abstractmethod
    def from_file(cls, path: StrPath, password: Password = None) -> PrivateKey:
        """Create a private key from a file on disk, read now.

        Args:
            path: the file.
            password: as for `from_buffer`.

        Raises:
            ConfigurationError: as for `from_buffer`; the message names the file.
            OSError: the file cannot be read.
        """
        return cls._constructor().from_file(path, password)  # type: ignore[no-any-return]

    @classmethod
    def from_pkcs11(cls, uri: str, pin: Password = None) -> PrivateKey:
        """Refer to a key in a PKCS#11 token (RFC 7512), which never leaves it. Needs `Feature.PKCS11`.

        Args:
            uri: a ``pkcs11:`` URI.
            pin: the user's PIN, or a callable that gives it.

        Raises:
            ConfigurationError: it is not such a URI.
        """
        return cls._constructor().from_pkcs11(uri, pin)  # type: ignore[no-any-return]

    @classmethod
    def from_signer(cls, public_key: bytes, sign: Signer, *, sign_digest: Signer | None = None) -> PrivateKey:
        """Refer to a key that lives elsewhere and signs on demand. Needs `Feature.EXTERNAL_SIGNER`.

        Args:
            public_key: the SubjectPublicKeyInfo in DER.
            sign: called with the SignatureScheme and the message; returns the signature. May be called from any thread.
            sign_digest: likewise, with the digest of the message by the scheme's hash, for libraries that hand over no
                more than that. Without it they refuse the key where they would need it.

        Raises:
            ConfigurationError: `public_key` is not a SubjectPublicKeyInfo.
        """
        return cls._constructor().from_signer(public_key, sign, sign_digest=sign_digest)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to the peer: a certificate chain and the private key of its leaf.

    Attributes:
        certificates: the leaf first, then the intermediates; the root is not needed.
        private_key: the key of the leaf.
        ocsp_response: a DER OCSP response to staple. Needs `Feature.OCSP_STAPLING`.
    """

    certificates: Sequence[Certificate]
    private_key: PrivateKey
    ocsp_response: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        chain = self.certificates
        if isinstance(chain, (Certificate, str, bytes)) or not all(isinstance(item, Certificate) for item in chain):
            raise ConfigurationError("certificates must be a list of Certificate objects, the leaf first")
        if not chain:
            raise ConfigurationError("the list of certificates is empty: the leaf certificate comes first")
        if not isinstance(self.private_key, PrivateKey):
            raise ConfigurationError(f"the key must be a PrivateKey, not {type(self.private_key).__name__}")
        object.__setattr__(self, "certificates", tuple(chain))
