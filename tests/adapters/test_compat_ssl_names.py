"""The face has every public name of `ssl`, and nothing of its classes is inherited from C."""

from __future__ import annotations

import enum
import inspect
import socket
import ssl
import sys
from typing import Any

import pytest
from _compat import BLOCKER, run_python

import unitls
import unitls.compat.ssl as face

NAMES = [
    "ALERT_DESCRIPTION_ACCESS_DENIED", "ALERT_DESCRIPTION_BAD_CERTIFICATE",
    "ALERT_DESCRIPTION_BAD_CERTIFICATE_HASH_VALUE", "ALERT_DESCRIPTION_BAD_CERTIFICATE_STATUS_RESPONSE",
    "ALERT_DESCRIPTION_BAD_RECORD_MAC", "ALERT_DESCRIPTION_CERTIFICATE_EXPIRED",
    "ALERT_DESCRIPTION_CERTIFICATE_REVOKED", "ALERT_DESCRIPTION_CERTIFICATE_UNKNOWN",
    "ALERT_DESCRIPTION_CERTIFICATE_UNOBTAINABLE", "ALERT_DESCRIPTION_CLOSE_NOTIFY",
    "ALERT_DESCRIPTION_DECODE_ERROR", "ALERT_DESCRIPTION_DECOMPRESSION_FAILURE", "ALERT_DESCRIPTION_DECRYPT_ERROR",
    "ALERT_DESCRIPTION_HANDSHAKE_FAILURE", "ALERT_DESCRIPTION_ILLEGAL_PARAMETER",
    "ALERT_DESCRIPTION_INSUFFICIENT_SECURITY", "ALERT_DESCRIPTION_INTERNAL_ERROR",
    "ALERT_DESCRIPTION_NO_RENEGOTIATION", "ALERT_DESCRIPTION_PROTOCOL_VERSION", "ALERT_DESCRIPTION_RECORD_OVERFLOW",
    "ALERT_DESCRIPTION_UNEXPECTED_MESSAGE", "ALERT_DESCRIPTION_UNKNOWN_CA",
    "ALERT_DESCRIPTION_UNKNOWN_PSK_IDENTITY", "ALERT_DESCRIPTION_UNRECOGNIZED_NAME",
    "ALERT_DESCRIPTION_UNSUPPORTED_CERTIFICATE", "ALERT_DESCRIPTION_UNSUPPORTED_EXTENSION",
    "ALERT_DESCRIPTION_USER_CANCELLED", "AlertDescription", "CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED",
    "CHANNEL_BINDING_TYPES", "CertificateError", "DER_cert_to_PEM_cert", "DefaultVerifyPaths", "HAS_ALPN",
    "HAS_ECDH", "HAS_NEVER_CHECK_COMMON_NAME", "HAS_NPN", "HAS_PSK", "HAS_SNI", "HAS_SSLv2", "HAS_SSLv3",
    "HAS_TLSv1", "HAS_TLSv1_1", "HAS_TLSv1_2", "HAS_TLSv1_3", "MemoryBIO", "OPENSSL_VERSION",
    "OPENSSL_VERSION_INFO", "OPENSSL_VERSION_NUMBER", "OP_ALL", "OP_CIPHER_SERVER_PREFERENCE", "OP_ENABLE_KTLS",
    "OP_ENABLE_MIDDLEBOX_COMPAT", "OP_IGNORE_UNEXPECTED_EOF", "OP_LEGACY_SERVER_CONNECT", "OP_NO_COMPRESSION",
    "OP_NO_RENEGOTIATION", "OP_NO_SSLv2", "OP_NO_SSLv3", "OP_NO_TICKET", "OP_NO_TLSv1", "OP_NO_TLSv1_1",
    "OP_NO_TLSv1_2", "OP_NO_TLSv1_3", "OP_SINGLE_DH_USE", "OP_SINGLE_ECDH_USE", "Options", "PEM_FOOTER",
    "PEM_HEADER", "PEM_cert_to_DER_cert", "PROTOCOL_SSLv23", "PROTOCOL_TLS", "PROTOCOL_TLS_CLIENT",
    "PROTOCOL_TLS_SERVER", "PROTOCOL_TLSv1", "PROTOCOL_TLSv1_1", "PROTOCOL_TLSv1_2", "Purpose", "RAND_add",
    "RAND_bytes", "RAND_pseudo_bytes", "RAND_status", "SOCK_STREAM", "SOL_SOCKET", "SO_TYPE",
    "SSLCertVerificationError", "SSLContext", "SSLEOFError", "SSLError", "SSLErrorNumber", "SSLObject",
    "SSLSession", "SSLSocket", "SSLSyscallError", "SSLWantReadError", "SSLWantWriteError", "SSLZeroReturnError",
    "SSL_ERROR_EOF", "SSL_ERROR_INVALID_ERROR_CODE", "SSL_ERROR_SSL", "SSL_ERROR_SYSCALL", "SSL_ERROR_WANT_CONNECT",
    "SSL_ERROR_WANT_READ", "SSL_ERROR_WANT_WRITE", "SSL_ERROR_WANT_X509_LOOKUP", "SSL_ERROR_ZERO_RETURN",
    "TLSVersion", "VERIFY_ALLOW_PROXY_CERTS", "VERIFY_CRL_CHECK_CHAIN", "VERIFY_CRL_CHECK_LEAF", "VERIFY_DEFAULT",
    "VERIFY_X509_PARTIAL_CHAIN", "VERIFY_X509_STRICT", "VERIFY_X509_TRUSTED_FIRST", "VerifyFlags", "VerifyMode",
    "base64", "cert_time_to_seconds", "create_connection", "create_default_context", "errno",
    "get_default_verify_paths", "get_protocol_name", "get_server_certificate", "match_hostname", "namedtuple", "os",
    "socket", "socket_error", "sys", "warnings", "wrap_socket",
]  # fmt: skip
"""The public names of the module in Python 3.11, 3.12 and 3.13, all together (built with OpenSSL 3.0)."""
CLASSES = [face.SSLContext, face.SSLSocket, face.SSLObject]
ERRORS = [
    face.SSLError, face.SSLZeroReturnError, face.SSLWantReadError, face.SSLWantWriteError, face.SSLSyscallError,
    face.SSLEOFError, face.SSLCertVerificationError,
]  # fmt: skip


def real_names() -> list[str]:
    return [name for name in dir(ssl) if not name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_of_three_versions_is_there(name: str) -> None:
    assert hasattr(face, name)


@pytest.mark.parametrize("name", real_names())
def test_every_public_name_of_this_version_is_there_and_alike(name: str) -> None:
    theirs, ours = getattr(ssl, name), getattr(face, name)
    if isinstance(theirs, (int, enum.Enum)) and not isinstance(theirs, bool):
        assert ours == theirs
    if inspect.isclass(theirs):
        assert inspect.isclass(ours)
        assert name == "SSLSession" or issubclass(ours, theirs)
    else:
        assert callable(ours) is callable(theirs)


@pytest.mark.parametrize("name", ["create_default_context", "get_server_certificate"])
def test_functions_take_what_theirs_take_and_a_backend(name: str) -> None:
    theirs = inspect.signature(getattr(ssl, name)).parameters
    ours = inspect.signature(getattr(face, name)).parameters
    assert [*theirs, "backend"] == list(ours)


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_no_public_method_or_property_is_inherited_from_c(kind: type[Any]) -> None:
    """One that is would go past TLS."""
    inherited = []
    for name in dir(kind):
        if name.startswith("_"):
            continue
        owner = next(base for base in kind.__mro__ if name in vars(base))
        if not owner.__module__.startswith("unitls."):
            inherited.append(f"{owner.__name__}.{name}")
    assert not inherited


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_everything_that_theirs_has_is_there(kind: type[Any]) -> None:
    theirs = {name for name in dir(getattr(ssl, kind.__name__)) if not name.startswith("_")}
    assert theirs <= set(dir(kind))


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_methods_take_what_theirs_take(kind: type[Any]) -> None:
    for name, theirs in vars(getattr(ssl, kind.__name__)).items():
        if name.startswith("_") or not inspect.isfunction(theirs):
            continue
        wanted = [item for item in inspect.signature(theirs).parameters if item not in ("args", "kwargs")]
        ours = [*inspect.signature(getattr(kind, name)).parameters]
        assert ours[: len(wanted)] == wanted or ours == ["self", "args", "kwargs"], f"{kind.__name__}.{name}"


def test_the_walls_of_isinstance_are_passed() -> None:
    assert issubclass(face.SSLContext, ssl.SSLContext)
    assert issubclass(face.SSLSocket, ssl.SSLSocket)
    assert issubclass(face.SSLSocket, socket.socket)
    assert issubclass(face.SSLObject, ssl.SSLObject)


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_errors_are_theirs_and_ours(kind: type[Any]) -> None:
    assert issubclass(kind, getattr(ssl, kind.__name__))
    assert issubclass(kind, unitls.TLSError)
    error = kind(1, "some text")
    assert (error.errno, error.strerror, error.args, str(error)) == (1, "some text", (1, "some text"), "some text")
    assert (error.reason, error.library) == (None, None)


@pytest.mark.parametrize("name", ["SSLWantReadError", "SSLWantWriteError"])
def test_a_signal_shows_their_class(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis-py looks ``error.__class__`` up in a dictionary."""
    signal = getattr(face, name)(2, "again")
    assert signal.__class__ is getattr(ssl, name)
    assert type(signal) is getattr(face, name)
    monkeypatch.setitem(sys.modules, "ssl", face)
    assert signal.__class__ is getattr(face, name), "and ours, where a program's ssl is the face"


def test_the_errors_of_unitls_are_among_them() -> None:
    assert issubclass(face.SSLCertVerificationError, unitls.CertificateVerificationError)
    assert issubclass(face.SSLCertVerificationError, ValueError)
    assert issubclass(face.SSLEOFError, unitls.RaggedEOF)
    assert issubclass(face.SSLWantReadError, unitls.WantReadError)
    assert issubclass(face.SSLWantWriteError, unitls.WantWriteError)
    assert face.CertificateError is face.SSLCertVerificationError


def test_members_of_enumerations_are_the_same_objects() -> None:
    assert face.CERT_REQUIRED is ssl.CERT_REQUIRED
    assert face.TLSVersion is ssl.TLSVersion
    assert face.Purpose.SERVER_AUTH is ssl.Purpose.SERVER_AUTH


NAMES_ALONE = """
import unitls.compat.ssl as face
assert face._real is None
missing = [name for name in {names!r} if not hasattr(face, name)]
assert not missing, missing
assert face.SSLError.__mro__[1:3] == (__import__("unitls").TLSError, OSError), face.SSLError.__mro__
assert face.SSLContext.__mro__[-2].__module__.startswith("unitls")
assert issubclass(face.SSLCertVerificationError, ValueError)
values = {{name: int(getattr(face, name)) for name in {numbers!r}}}
assert values == {numbers!r}, [name for name in values if values[name] != {numbers!r}[name]]
print("alone")
"""


def test_without_the_real_module_every_name_is_there_with_its_number() -> None:
    numbers = {
        name: int(value)
        for name in real_names()
        if isinstance(value := getattr(ssl, name), int) and not isinstance(value, bool) and "VERSION" not in name
    }
    result = run_python(code=BLOCKER + NAMES_ALONE.format(names=NAMES, numbers=numbers))
    assert result.stdout == "alone\n", result.stderr


def test_a_certificate_can_be_carried_between_its_forms() -> None:
    from unitls.testing import load_identities

    der = load_identities().server.chain[0]
    pem = face.DER_cert_to_PEM_cert(der)
    assert pem == ssl.DER_cert_to_PEM_cert(der)
    assert face.PEM_cert_to_DER_cert(pem) == der
    for wrong in ("", pem[1:], pem[:-5]):
        with pytest.raises(ValueError, match="Invalid PEM encoding"):
            face.PEM_cert_to_DER_cert(wrong)


@pytest.mark.parametrize("text", ["Jan  5 09:34:43 2018 GMT", "Feb 29 23:59:60 2024 GMT", "dec 31 00:00:00 1999 GMT"])
def test_times_are_read_as_theirs(text: str) -> None:
    assert face.cert_time_to_seconds(text) == ssl.cert_time_to_seconds(text)


@pytest.mark.parametrize("text", ["", "Foo  5 09:34:43 2018 GMT", "Jan  5 09:34:43 2018", "Jan 35 09:34:43 2018 GMT"])
def test_what_is_no_time_is_refused_as_theirs(text: str) -> None:
    with pytest.raises(ValueError, match="does not match"):
        face.cert_time_to_seconds(text)


def test_random_bytes() -> None:
    assert len(face.RAND_bytes(32)) == 32
    assert face.RAND_bytes(32) != face.RAND_bytes(32)
    assert face.RAND_status() is True
    with pytest.raises(ValueError, match="positive"):
        face.RAND_bytes(-1)


def test_names_of_protocols() -> None:
    assert face.get_protocol_name(face.PROTOCOL_TLS) == "PROTOCOL_TLS"
    assert face.get_protocol_name(face.PROTOCOL_TLS_CLIENT) == "PROTOCOL_TLS_CLIENT"
    assert face.get_protocol_name(-1) == "<unknown>"
