"""Certificates, revocation lists and keys from files and buffers, with the errors of the `ssl` module."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import Any, Final

from ...api._certificates import Certificate, Identity, Password, PrivateKey
from ...api._errors import ConfigurationError
from ...core import _system_trust
from ...core._der import SEQUENCE, DERError, DERReader
from ...core._pem import certificates_from, crls_from
from ...core._values import NeutralCertificate, read_file
from ...core._x509 import certificate_fields
from ._translate import boundary, failure

Path = str | bytes | os.PathLike[str] | os.PathLike[bytes]
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.r?[0-9]+")
_BEGIN: Final = b"-----BEGIN"


def read_locations(content: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The certificates and the revocation lists of a PEM file.

    Raises:
        SSLError: there are neither, or one is damaged.
    """
    with boundary():
        return _locations(content)


@lru_cache(maxsize=16)
def _locations(content: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """Some programs load the same bundle into their context for each connection, so the last ones are remembered."""
    certificates = certificates_from(content) if re.search(rb"-----BEGIN (X509 )?CERTIFICATE-----", content) else ()
    lists = crls_from(content) if b"-----BEGIN X509 CRL-----" in content else ()
    if not (certificates or lists):
        raise failure("NO_CERTIFICATE_OR_CRL_FOUND", "no certificate or crl found")
    return certificates, lists


def read_directory(path: Path) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """The certificates and revocation lists of a directory whose files are named by hashes (``openssl rehash``)."""
    certificates: list[bytes] = []
    lists: list[bytes] = []
    folder = os.fsdecode(path)
    if not os.path.isdir(folder):
        return (), ()  # OpenSSL looks into it when it verifies, and takes what is there then
    for name in sorted(os.listdir(folder)):
        if _HASHED.fullmatch(name):
            with open(os.path.join(folder, name), "rb") as file:
                found = read_locations(file.read())
            certificates += found[0]
            lists += found[1]
    return tuple(certificates), tuple(lists)


def read_data(data: Any) -> tuple[bytes, ...]:
    """The certificates in ``cadata``: a string in PEM, or any number of them in DER one behind the other.

    Raises:
        SSLError: there is none, or one is damaged.
        ValueError: it is empty, or the string is not ASCII.
        TypeError: it is neither a string nor bytes.
    """
    if isinstance(data, str):
        try:
            content = data.encode("ascii")
        except UnicodeEncodeError:
            raise TypeError("cadata should be an ASCII string or a bytes-like object") from None
        _refuse_empty(content)
        if _BEGIN not in content:
            raise failure("NO_START_LINE", "no start line: cadata does not contain a certificate")
        with boundary():
            return certificates_from(content)
    try:
        content = bytes(memoryview(data))
    except TypeError:
        raise TypeError("cadata should be an ASCII string or a bytes-like object") from None
    _refuse_empty(content)
    return _several_ders(content)


def _refuse_empty(content: bytes) -> None:
    if not content:
        raise ValueError("Empty certificate data")


def _several_ders(content: bytes) -> tuple[bytes, ...]:
    found, reader = [], DERReader(content)
    try:
        while reader.peek() >= 0:
            der = reader.element(SEQUENCE)
            certificate_fields(der)
            found.append(der)
    except DERError as error:
        if not found:
            raise failure("NOT_ENOUGH_DATA", "not enough data: cadata does not contain a certificate") from error
        raise failure(None, f"cadata is damaged: {error}") from error
    return tuple(found)


def system_anchors() -> tuple[bytes, ...]:
    """The system's anchors where they are in files, to be shown."""
    try:
        return _system_trust.system_anchors().anchors
    except ConfigurationError:
        return ()


# ------------------------------------------------------------------------------------------ our own certificate


def read_identity(certfile: Path, keyfile: Path | None, password: Any) -> Identity:
    """A chain in PEM and its key, which may be in the same file.

    Raises:
        SSLError: one of them is not there, or damaged, or the key is encrypted and there is no password.
        OSError: a file cannot be read.
    """
    chain = _content(certfile)
    key = chain if keyfile is None else _content(keyfile)
    passphrase = _passphrase(password)
    if _BEGIN not in chain or _BEGIN not in key:
        raise failure(None, "[SSL] PEM lib: the file is not in PEM")
    with boundary():
        try:
            certificates: list[Certificate] = [NeutralCertificate(der) for der in certificates_from(chain)]
            return Identity(certificates, PrivateKey.from_buffer(key, passphrase))
        except ConfigurationError as error:
            raise failure(None, f"[SSL] PEM lib: {error}") from error


def _content(path: Path) -> bytes:
    name = os.fspath(path)  # never a descriptor of the program's, which would be closed
    try:
        return read_file(name)
    except ConfigurationError as error:
        raise failure(None, str(error)) from error


def _passphrase(password: Any) -> Password:
    """The argument of `SSLContext.load_cert_chain` as a password of ours; a callable is called when it is needed."""
    if password is None:
        return None
    if callable(password):
        return lambda: _bytes_of(password(), "password callback must return a string")
    return _bytes_of(password, "password should be a string or callable")


def _bytes_of(password: Any, complaint: str) -> bytes:
    if isinstance(password, str):
        password = password.encode()
    if not isinstance(password, (bytes, bytearray)):
        raise TypeError(complaint)
    if len(password) > 1024:
        raise ValueError("password cannot be longer than 1024 bytes")
    return bytes(password)


def key_kind(identity: Identity) -> str:
    """Which kind of key an identity has: a context holds one identity of each."""
    return certificate_fields(getattr(identity.certificates[0], "der", b"")).public_key_algorithm
