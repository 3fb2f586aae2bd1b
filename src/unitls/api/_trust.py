"""Trust stores: whose certificates are believed."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod

from ._certificates import StrPath, _Neutral


class TrustStore(_Neutral, metaclass=ABCMeta):
    """A set of trust anchors, or the system's own.

    The constructors called on this class itself give neutral values, which every backend accepts. Values are immutable,
    compare by content, and are safe to share.
    """

    @classmethod
    @abstractmethod
    def system(cls) -> TrustStore:
        """Return a store that stands for the system's trust, as it is when a context is first used.

        On Windows and macOS it means the platform's own verification of servers, whichever the library. Elsewhere it
        means the roots of the distribution: what ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` name if either is set, else what
        is in the usual places, without what p11-kit's blocklist names.
        """
        return cls._constructor().system()  # type: ignore[no-any-return]

    @classmethod
    @abstractmethod
    def from_pem_file(cls, path: StrPath) -> TrustStore:
        """Create a trust store from a single file full of PEM certificates, read now.

        Args:
            path: the file.

        Raises:
            ConfigurationError: it holds no certificate, or a damaged one; the message names the file.
            OSError: it cannot be read.
        """
        return cls._constructor().from_pem_file(path)  # type: ignore[no-any-return]

    @classmethod
    def from_file(cls, path: StrPath) -> TrustStore:
        """Create a trust store from a file of PEM certificates or one DER certificate, read now.

        Args:
            path: the file.

        Raises:
            ConfigurationError: it holds no certificate, or a damaged one; the message names the file.
            OSError: it cannot be read.
        """
        return cls._constructor().from_file(path)  # type: ignore[no-any-return]

    @classmethod
    def from_buffer(cls, buffer: bytes) -> TrustStore:
        """Create a trust store from bytes: any number of PEM certificates, or one in DER.

        Args:
            buffer: any bytes-like object.

        Raises:
            ConfigurationError: it holds no certificate, or a damaged one.
        """
        return cls._constructor().from_buffer(buffer)  # type: ignore[no-any-return]

    @classmethod
    def union(cls, *stores: TrustStore) -> TrustStore:
        """Create a store that trusts what any of `stores` trusts.

        Raises:
            ConfigurationError: there is none, or one is a backend's own that cannot be taken apart.
        """
        return cls._constructor().union(*stores)  # type: ignore[no-any-return]

    @classmethod
    def certifi(cls) -> TrustStore:
        """Create a store of the roots that the package ``certifi`` carries.

        Raises:
            ConfigurationError: the package is not installed.
        """
        return cls._constructor().certifi()  # type: ignore[no-any-return]
