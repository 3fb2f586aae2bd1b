"""The text's certificates, keys and trust stores: where to find one, and nothing that was read yet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, ClassVar, Self, SupportsIndex

from ...api._errors import ConfigurationError


class _Source:
    """Bytes, a file or an identifier: exactly one of them, or none where that means something."""

    __slots__ = ("_buffer", "_id", "_path")
    _may_be_empty: ClassVar[bool] = False

    def __init__(
        self, buffer: bytes | None = None, path: os.PathLike[str] | None = None, id: bytes | None = None
    ) -> None:
        given = sum(item is not None for item in (buffer, path, id))
        if not given and not self._may_be_empty:
            raise ConfigurationError(f"{type(self).__name__} cannot be empty.")
        if given > 1:
            raise ConfigurationError(f"{type(self).__name__} takes one of buffer, path and id")
        self._buffer = buffer
        self._path = path
        self._id = id

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Self:
        """Refer to the bytes in `buffer`, in PEM or DER."""
        return cls(buffer=buffer)

    @classmethod
    def from_file(cls, path: os.PathLike[str]) -> Self:
        """Refer to the file at `path`, in PEM or DER; it is read when a context is made."""
        return cls(path=path)

    @classmethod
    def from_id(cls, id: bytes) -> Self:
        """Refer to something by its `id`, which an implementation may know: a ``pkcs11:`` URI (RFC 7512)."""
        return cls(id=id)

    def _value(self) -> tuple[object, ...]:
        return type(self), self._buffer, self._path, self._id


class _Comparable(_Source):
    """One whose content is no secret: two of the same source are equal."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self._value() == other._value() if isinstance(other, _Source) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value())


class Certificate(_Comparable):
    """A certificate. It is not pickled where the leaf's key stands in the same bytes, or a PIN in its URI.

    Args:
        buffer: the certificate itself, in PEM or DER.
        path: a file that holds it.
        id: a ``pkcs11:`` URI, for a backend that has tokens.

    Raises:
        ConfigurationError: none of these is given, or more than one.
    """

    __slots__ = ()

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        if b"PRIVATE KEY-----" in (self._buffer or b"") or b"pin-value=" in (self._id or b""):
            raise TypeError("a certificate with a private key or a PIN cannot be pickled")
        return object.__reduce_ex__(self, protocol)


class PrivateKey(_Source):
    """The private key of a certificate. It compares by identity, is not pickled, and its ``repr`` shows nothing of it.

    Args:
        buffer: the key itself, in PEM or DER.
        path: a file that holds it.
        id: a ``pkcs11:`` URI, for a backend that has tokens.

    Raises:
        ConfigurationError: none of these is given, or more than one.
    """

    __slots__ = ()

    def __reduce__(self) -> str:
        raise TypeError("a private key cannot be pickled")


class TrustStore(_Comparable):
    """The anchors that certificates are verified with: the system's where nothing is given.

    Args:
        buffer: certificates, in PEM or one in DER.
        path: a file that holds them.
        id: an identifier; no backend here knows one, and a context refuses it.

    Raises:
        ConfigurationError: more than one of these is given.
    """

    __slots__ = ()
    _may_be_empty = True

    @classmethod
    def system(cls) -> Self:
        """Refer to the system's trust database."""
        return cls()


class SigningChain:
    """Who we are to the peer.

    Args:
        leaf: the certificate and its private key; `None` for a key that stands in the same bytes or file.
        chain: the intermediate certificates.
    """

    leaf: tuple[Certificate, PrivateKey | None]
    chain: list[Certificate]

    def __init__(self, leaf: tuple[Certificate, PrivateKey | None], chain: Sequence[Certificate] | None = None) -> None:
        self.leaf = leaf
        self.chain = [] if chain is None else list(chain)
