"""PKCS#12 files (RFC 7292), read with the package `cryptography` into values that every backend accepts."""

from __future__ import annotations

from ..api._certificates import Identity, Password
from ..api._errors import ConfigurationError
from ._keys import key_material
from ._pem import buffer_bytes
from ._secrets import forgetting
from ._values import NeutralCertificate, NeutralPrivateKey


def load_pkcs12(buffer: bytes, password: Password = None) -> Identity:
    """Read a PKCS#12 file: a certificate, its private key, and the intermediates with it.

    Args:
        buffer: the content of the file, any bytes-like object.
        password: its passphrase, or a callable that gives it; `None` for a file without one.

    Returns:
        The identity: pass its ``certificates`` and ``private_key`` to ``register_certificates``.

    Raises:
        ConfigurationError: the file is damaged, the passphrase is wrong, a certificate or its key is missing, or the
            package ``cryptography`` is not installed.
    """
    with forgetting:
        return _read(buffer, password)


def _read(buffer: bytes, password: Password) -> Identity:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12
    except ImportError:
        raise ConfigurationError(
            "reading PKCS#12 needs the package 'cryptography' (pip install cryptography)"
        ) from None
    data = buffer_bytes(buffer, "PKCS#12 file")
    secret = password() if callable(password) else password
    if secret is not None and not isinstance(secret, (bytes, bytearray)):
        raise ConfigurationError("a passphrase must be bytes or bytearray, or a callable that returns one")
    try:
        key, leaf, others = pkcs12.load_key_and_certificates(data, None if secret is None else bytes(secret))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(f"the PKCS#12 file cannot be read: {error}") from error
    if key is None or leaf is None:
        raise ConfigurationError("the PKCS#12 file holds no certificate with its private key")
    plain = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = [item.public_bytes(serialization.Encoding.DER) for item in (leaf, *others)]
    return Identity([NeutralCertificate(der) for der in chain], NeutralPrivateKey(material=key_material(plain)))
