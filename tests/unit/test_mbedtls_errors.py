"""The table from the results of Mbed TLS to our errors."""

from __future__ import annotations

import pytest

import unitls
from unitls import TLSError, VerifyFailure
from unitls.core._leaf_check import Fault

native = pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

from unitls.backends.mbedtls import errors  # noqa: E402 - only where the library is


def translated(code: int, *, alert: int | None = None, fault: Fault | None = None) -> TLSError:
    error = native.Error(code)
    error.alert, error.fault = alert, fault
    found = errors.translate(error)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-0x6E80, unitls.ProtocolViolation),
        (-0x7180, unitls.ProtocolViolation),
        (-0x7180 - 0x12, unitls.ProtocolViolation),
        (-0x7200, unitls.ProtocolViolation),
        (-0x7900, unitls.ProtocolViolation),
        (-0x4E00, unitls.ProtocolViolation),
        (-0x7100, unitls.ProtocolViolation),
        (-0x7F00, unitls.InternalTLSError),
        (-0x6C00, unitls.InternalTLSError),
        (-0x6C00 - 0x6E, unitls.InternalTLSError),
        (-0x2700, unitls.CertificateVerificationError),
        (-0x2562, unitls.CertificateVerificationError),
        (-0x3000, unitls.CertificateVerificationError),
        (native.NO_CLIENT_CERTIFICATE, unitls.CertificateVerificationError),
    ],
)
def test_results_by_who_is_to_blame(code: int, kind: type[TLSError]) -> None:
    error = translated(code)
    assert isinstance(error, kind)
    assert isinstance(error, errors.MbedTLSError)
    assert error.native_code == code
    assert error.native_text == native.describe(code)


@pytest.mark.parametrize(
    ("number", "alert"), [(40, "HANDSHAKE_FAILURE"), (48, "UNKNOWN_CA"), (116, "CERTIFICATE_REQUIRED")]
)
def test_alerts_of_the_peer(number: int, alert: str) -> None:
    error = translated(native.FATAL_ALERT_MESSAGE, alert=number)
    assert isinstance(error, unitls.PeerAlert)
    assert error.alert is unitls.AlertDescription[alert]


@pytest.mark.parametrize("number", [None, 255])
def test_an_alert_that_nobody_knows(number: int | None) -> None:
    assert isinstance(translated(native.FATAL_ALERT_MESSAGE, alert=number), unitls.ProtocolViolation)


def test_a_refused_certificate_keeps_its_fault() -> None:
    fault = Fault(VerifyFailure.NAME_MISMATCH, "it is for another", "zoo.test")
    error = translated(native.X509_FATAL_ERROR, fault=fault)
    assert isinstance(error, unitls.CertificateVerificationError)
    assert (error.failure, error.subject) == (VerifyFailure.NAME_MISMATCH, "zoo.test")


def test_a_certificate_that_cannot_be_read_is_invalid() -> None:
    error = translated(-0x2562)
    assert isinstance(error, unitls.CertificateVerificationError)
    assert error.failure is VerifyFailure.INVALID


def test_what_a_callback_raised_is_named() -> None:
    try:
        raise native.Error(-0x3980) from PermissionError("no")
    except native.Error as error:
        found = errors.translate(error)
    assert isinstance(found, unitls.ConnectionFault)
    assert "PermissionError" in str(found)


def test_the_want_is_no_fault() -> None:
    assert isinstance(errors.translate(native.WantRead()), unitls.WantReadError)
