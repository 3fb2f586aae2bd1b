from __future__ import annotations

import errno
import pickle
from typing import Any

import pytest

import unitls
from unitls import AlertDescription, VerifyFailure

ssl = pytest.importorskip("ssl", reason="this Python has no ssl module")
from unitls.backends.openssl import errors, verify  # noqa: E402

# Every alert of the registry, by the reason OpenSSL gives it in its ssl/ssl_err.c (ERR_reason_error_string).
ALERTS = {
    "SSLV3_ALERT_UNEXPECTED_MESSAGE": 10,
    "SSLV3_ALERT_BAD_RECORD_MAC": 20,
    "TLSV1_ALERT_DECRYPTION_FAILED": 21,
    "TLSV1_ALERT_RECORD_OVERFLOW": 22,
    "SSLV3_ALERT_DECOMPRESSION_FAILURE": 30,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": 40,
    "SSLV3_ALERT_NO_CERTIFICATE": 41,
    "SSLV3_ALERT_BAD_CERTIFICATE": 42,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": 43,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": 44,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": 45,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": 46,
    "SSLV3_ALERT_ILLEGAL_PARAMETER": 47,
    "TLSV1_ALERT_UNKNOWN_CA": 48,
    "TLSV1_ALERT_ACCESS_DENIED": 49,
    "TLSV1_ALERT_DECODE_ERROR": 50,
    "TLSV1_ALERT_DECRYPT_ERROR": 51,
    "TLSV1_ALERT_EXPORT_RESTRICTION": 60,
    "TLSV1_ALERT_PROTOCOL_VERSION": 70,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": 71,
    "TLSV1_ALERT_INTERNAL_ERROR": 80,
    "TLSV1_ALERT_INAPPROPRIATE_FALLBACK": 86,
    "TLSV1_ALERT_USER_CANCELLED": 90,
    "TLSV1_ALERT_NO_RENEGOTIATION": 100,
    "TLSV13_ALERT_MISSING_EXTENSION": 109,
    "TLSV1_UNSUPPORTED_EXTENSION": 110,
    "TLSV1_CERTIFICATE_UNOBTAINABLE": 111,
    "TLSV1_UNRECOGNIZED_NAME": 112,
    "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE": 113,
    "TLSV1_BAD_CERTIFICATE_HASH_VALUE": 114,
    "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY": 115,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": 116,
    "TLSV1_ALERT_NO_APPLICATION_PROTOCOL": 120,
}


def native(reason: str, kind: Any = None) -> Any:
    """An error as the module raises it."""
    error = (kind or ssl.SSLError)(1, f"[SSL: {reason}] some words (_ssl.c:1000)")
    error.reason, error.library = reason, "SSL"
    return error


@pytest.mark.parametrize(("reason", "number"), ALERTS.items(), ids=list(ALERTS))
def test_every_alert_is_known(reason: str, number: int) -> None:
    error = errors.translate(native(reason))
    assert isinstance(error, errors.OpenSSLPeerAlert)
    assert error.alert == number
    assert isinstance(error.alert, AlertDescription)
    assert error.alert.name.lower() in str(error)
    assert (error.reason, error.library) == (reason, "SSL")
    assert reason in (error.native_text or "")


@pytest.mark.parametrize(
    ("error", "kind", "number"),
    [
        (ssl.SSLWantReadError(2, "x"), errors.OpenSSLWantReadError, ssl.SSL_ERROR_WANT_READ),
        (ssl.SSLWantWriteError(3, "x"), errors.OpenSSLWantWriteError, ssl.SSL_ERROR_WANT_WRITE),
        (ssl.SSLEOFError(8, "x"), errors.OpenSSLRaggedEOF, ssl.SSL_ERROR_EOF),
        (native("UNEXPECTED_EOF_WHILE_READING"), errors.OpenSSLRaggedEOF, ssl.SSL_ERROR_EOF),
        (native("WRONG_VERSION_NUMBER"), errors.OpenSSLProtocolViolation, ssl.SSL_ERROR_SSL),
        (native("NOBODY_KNOWS_THIS_ONE"), errors.OpenSSLProtocolViolation, ssl.SSL_ERROR_SSL),
        (native("TLSV1_ALERT_NOBODY_KNOWS_THIS_ONE"), errors.OpenSSLProtocolViolation, ssl.SSL_ERROR_SSL),
        (ssl.SSLError("no reason"), errors.OpenSSLProtocolViolation, ssl.SSL_ERROR_SSL),
        (native("INTERNAL_ERROR"), errors.OpenSSLConnectionFault, ssl.SSL_ERROR_SSL),
        (native("BAD_WRITE_RETRY"), errors.OpenSSLInternalError, ssl.SSL_ERROR_SSL),
        (
            native("PEER_DID_NOT_RETURN_A_CERTIFICATE"),
            errors.OpenSSLCertificateVerificationError,
            ssl.SSL_ERROR_SSL,
        ),
    ],
    ids=str,
)
def test_each_cause_has_its_class(error: Any, kind: type[Any], number: int) -> None:
    ours = errors.translate(error)
    assert type(ours) is kind
    assert isinstance(ours, unitls.TLSError)
    assert isinstance(ours, ssl.SSLError)
    assert ours.errno == ours.args[0] == number
    assert ours.strerror == ours.args[1]
    assert str(ours) == f"{ours.args[1]}" or ours.strerror in str(ours)


def test_close_notify_is_no_error() -> None:
    assert errors.translate(ssl.SSLZeroReturnError(6, "x")) is None


def verification_error(code: int, message: str) -> Any:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] x")
    error.reason, error.verify_code, error.verify_message = "CERTIFICATE_VERIFY_FAILED", code, message
    return error


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (10, VerifyFailure.EXPIRED),
        (9, VerifyFailure.NOT_YET_VALID),
        (18, VerifyFailure.SELF_SIGNED),
        (19, VerifyFailure.UNKNOWN_ISSUER),
        (20, VerifyFailure.UNKNOWN_ISSUER),
        (21, VerifyFailure.UNKNOWN_ISSUER),
        (23, VerifyFailure.REVOKED),
        (26, VerifyFailure.BAD_PURPOSE),
        (47, VerifyFailure.INVALID),
        (62, VerifyFailure.NAME_MISMATCH),
        (66, VerifyFailure.WEAK),
        (7, VerifyFailure.INVALID),
        (3, VerifyFailure.OTHER),
        (9999, VerifyFailure.OTHER),
    ],
)
def test_verification_codes(code: int, failure: VerifyFailure) -> None:
    error = errors.translate(verification_error(code, "the words of OpenSSL"))
    assert error.failure is verify.failure_of(code) is failure
    assert isinstance(error, ssl.SSLCertVerificationError)
    assert isinstance(error, ssl.CertificateError)
    assert (error.verify_code, error.verify_message) == (code, "the words of OpenSSL")
    assert (error.native_code, error.native_text) == (code, "the words of OpenSSL")
    assert error.reason == "CERTIFICATE_VERIFY_FAILED"
    assert failure.value in str(error)


def test_a_refusal_of_core_has_the_module_s_attributes_too() -> None:
    error = errors.make(
        unitls.CertificateVerificationError, "text", failure=VerifyFailure.NAME_MISMATCH, subject="a.test"
    )
    assert (error.verify_code, error.verify_message, error.reason) == (1, "text", "CERTIFICATE_VERIFY_FAILED")
    assert (error.failure, error.subject, error.library) == (VerifyFailure.NAME_MISMATCH, "a.test", "SSL")


SSL_CLASSES = {
    unitls.WantReadError: ssl.SSLWantReadError,
    unitls.WantWriteError: ssl.SSLWantWriteError,
    unitls.RaggedEOF: ssl.SSLEOFError,
    unitls.CertificateVerificationError: ssl.SSLCertVerificationError,
}


@pytest.mark.parametrize("kind", errors.CLASSES, ids=lambda kind: kind.__name__)
def test_ours_come_first_among_the_bases(kind: type[Any]) -> None:
    attributes = {"alert": 40} if kind is unitls.PeerAlert else {}
    error = errors.make(kind, "the text", **attributes)
    assert isinstance(error, kind)
    assert isinstance(error, SSL_CLASSES.get(kind, ssl.SSLError))
    assert isinstance(error, OSError)
    order = type(error).__mro__
    assert order.index(kind) < order.index(ssl.SSLError)
    assert error.strerror == "the text"
    assert "the text" in str(error)
    assert (error.native_code, error.native_text) == (None, None)
    assert error.reason is None or kind is unitls.CertificateVerificationError
    assert error.errno not in (errno.EPERM, errno.ENOENT) or kind in SSL_CLASSES or error.errno == ssl.SSL_ERROR_SSL


def test_there_is_a_subclass_for_every_class_that_is_raised() -> None:
    kinds = {
        item
        for item in vars(unitls.api._errors).values()
        if isinstance(item, type) and issubclass(item, unitls.TLSError)
    }
    assert kinds - set(errors.CLASSES) == {unitls.UnsupportedFeature}
    for kind, ours in errors.CLASSES.items():
        assert issubclass(ours, kind)


@pytest.mark.parametrize("kind", errors.CLASSES, ids=lambda kind: kind.__name__)
def test_they_travel_between_processes(kind: type[Any]) -> None:
    attributes = {"alert": AlertDescription.UNKNOWN_CA} if kind is unitls.PeerAlert else {}
    error = errors.make(kind, "the text", **attributes)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), again.errno, vars(again)) == (str(error), error.errno, vars(error))


def test_the_message_names_no_certificate_content_it_was_not_given() -> None:
    text = str(errors.translate(native("HTTP_REQUEST")))
    assert "plain HTTP" in text
    assert "decrypted" in str(errors.translate(native("DECRYPTION_FAILED_OR_BAD_RECORD_MAC")))
