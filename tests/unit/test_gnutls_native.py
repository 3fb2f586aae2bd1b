from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("unitls.backends.gnutls", reason="GnuTLS or cffi is not installed")
from unitls import AlertDescription, Feature, VerifyFailure, get_backend
from unitls.api import _errors as api
from unitls.backends.gnutls import ciphers, errors, native, verify
from unitls.backends.gnutls.native import NULL, ffi, lib
from unitls.core._leaf_check import Fault

ROOT = Path(__file__).parents[2]


def test_every_function_that_is_used_is_in_the_library() -> None:
    folder = Path(native.__file__).parent
    used = {
        name
        for path in folder.glob("*.py")
        if path.name != "_bindings.py"
        for name in re.findall(r"lib\.(gnutls_\w+)", path.read_text())
    }
    assert len(used) > 80
    missing = [name for name in sorted(used) if not native.has(name)]
    if not get_backend("gnutls").capabilities.supports(Feature.PKCS11):
        missing = [name for name in missing if "pkcs11" not in name and not name.endswith("_url")]
    assert missing == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("GNUTLS_E_FATAL_ALERT_RECEIVED", native.E_FATAL_ALERT_RECEIVED),
        ("GNUTLS_E_WARNING_ALERT_RECEIVED", native.E_WARNING_ALERT_RECEIVED),
        ("GNUTLS_E_DECRYPTION_FAILED", native.E_DECRYPTION_FAILED),
        ("GNUTLS_E_AGAIN", native.E_AGAIN),
        ("GNUTLS_E_INTERRUPTED", native.E_INTERRUPTED),
        ("GNUTLS_E_REHANDSHAKE", native.E_REHANDSHAKE),
        ("GNUTLS_E_GOT_APPLICATION_DATA", native.E_GOT_APPLICATION_DATA),
        ("GNUTLS_E_PK_SIGN_FAILED", native.E_PK_SIGN_FAILED),
        ("GNUTLS_E_NO_CERTIFICATE_FOUND", native.E_NO_CERTIFICATE_FOUND),
        ("GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE", native.E_REQUESTED_DATA_NOT_AVAILABLE),
        ("GNUTLS_E_NO_CIPHER_SUITES", native.E_NO_CIPHER_SUITES),
        ("GNUTLS_E_USER_ERROR", native.E_USER_ERROR),
        ("GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR", native.E_CERTIFICATE_VERIFICATION_ERROR),
    ],
)
def test_codes_are_the_librarys(name: str, code: int) -> None:
    assert native.words(code).startswith(f"{name}: ")


def test_a_code_without_a_name_has_words() -> None:
    assert native.words(-1)


def test_data_structures_have_the_sizes_of_the_headers() -> None:
    pointer = ffi.sizeof("void *")
    assert ffi.sizeof("gnutls_datum_t") == 2 * pointer
    assert ffi.sizeof("gnutls_pcert_st") == 4 * pointer
    assert ffi.sizeof("gnutls_typed_vdata_st") == 3 * pointer


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 9])
def test_bytes_go_to_the_library_and_back(data: bytes) -> None:
    assert native.content(native.datum(data)) == data
    place = ffi.new("gnutls_datum_t *")
    native.allocated(place, data)
    assert native.taken(place) == data


def test_failures_are_raised() -> None:
    with pytest.raises(native.Error) as caught:
        native.owned("gnutls_priority_t", lambda p: lib.gnutls_priority_init2(p, b"NO-SUCH", NULL, 0), lambda _: None)
    assert caught.value.code < 0


# ---------------------------------------------------------------------------------------------- names and numbers


def test_known_suites_have_their_iana_numbers() -> None:
    known = set(ciphers.available())
    assert {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9} <= known
    assert ciphers.suite(0xC02F)[1:4] == ("ECDHE-RSA", "AES-128-GCM", "AEAD")
    assert set(ciphers.default()) <= known
    forbidden = ("NULL", "ARCFOUR", "3DES", "ANON", "PSK", "SRP", "MD5")
    named = [" ".join(ciphers.suite(value)[1:4]) for value in known]
    assert [name for name in named if any(word in name for word in forbidden)] == []


def test_every_suite_is_enabled_by_itself() -> None:
    for value in ciphers.available():
        version = 0x0304 if not ciphers.suite(value).exchange else 0x0303
        string = ciphers.priority_string([version], [value], ciphers.groups(), ciphers.signatures(), "")
        assert ciphers.enabled_by(string) == (value,)


def test_combinations_are_known_to_be_too_many() -> None:
    chosen = (0x1301, 0xC02C)
    string = ciphers.priority_string([0x0304, 0x0303], chosen, ciphers.groups(), ciphers.signatures(), "")
    assert ciphers.surplus(chosen, ciphers.new_priority(string)) == {0x1302, 0xC02B}


@pytest.mark.parametrize(
    ("offered", "versions", "exchanges", "due"),
    [
        ((0x1302, 0x1301, 0xC02C), (0x0303, 0x0304), ("ECDHE-ECDSA",), 0x1301),
        ((0x1302, 0xC02C), (0x0303, 0x0304), ("ECDHE-ECDSA",), 0xC02C),
        ((0x1301, 0xC02C), (0x0303,), ("ECDHE-ECDSA",), 0xC02C),
        ((0x1301, 0xC02C), (0x0303,), ("ECDHE-RSA",), None),
        ((0xC02C,), (0x0302,), ("ECDHE-ECDSA",), None),
        ((0xC00A, 0xC02C), (0x0302,), ("ECDHE-ECDSA",), 0xC00A),
        ((), (0x0303, 0x0304), ("ECDHE-ECDSA",), None),
    ],
)
def test_a_server_picks_one_suite(
    offered: tuple[int, ...], versions: tuple[int, ...], exchanges: tuple[str, ...], due: int | None
) -> None:
    assert ciphers.pick((0x1301, 0xC02C, 0xC00A), offered, versions, exchanges) == due


# ---------------------------------------------------------------------------------------------- errors


def test_every_line_of_the_table_makes_an_error_of_ours() -> None:
    for code, (kind, text) in errors._TABLE.items():
        found = errors.translate(native.Error(code))
        assert isinstance(found, kind)
        assert isinstance(found, errors.GnuTLSError)
        assert str(found) == text
        assert (found.native_code, found.native_text) == (code, native.words(code))


def test_what_is_in_no_table_is_the_peers_doing() -> None:
    assert isinstance(errors.translate(native.Error(-327)), api.ProtocolViolation)


def test_alerts_and_faults_are_told() -> None:
    error = native.Error(native.E_FATAL_ALERT_RECEIVED)
    error.alert = 48
    alert = errors.translate(error)
    assert isinstance(alert, api.PeerAlert)
    assert alert.alert is AlertDescription.UNKNOWN_CA
    error.alert = 251
    assert isinstance(errors.translate(error), api.ProtocolViolation)
    refused = native.Error(native.E_CERTIFICATE_VERIFICATION_ERROR)
    refused.fault = Fault(VerifyFailure.NAME_MISMATCH, "other", "name.test")
    found = errors.translate(refused)
    assert isinstance(found, api.CertificateVerificationError)
    assert (found.failure, found.subject) == (VerifyFailure.NAME_MISMATCH, "name.test")


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (1 << 1 | 1 << 10, VerifyFailure.EXPIRED),
        (1 << 1 | 1 << 9, VerifyFailure.NOT_YET_VALID),
        (1 << 1 | 1 << 6 | 1 << 18, VerifyFailure.UNKNOWN_ISSUER),
        (1 << 1 | 1 << 5, VerifyFailure.REVOKED),
        (1 << 1 | 1 << 18, VerifyFailure.BAD_PURPOSE),
        (1 << 1 | 1 << 8, VerifyFailure.WEAK),
        (1 << 1 | 1 << 16, VerifyFailure.INVALID),
        (1 << 1, VerifyFailure.INVALID),
        (1 << 1 | 1 << 20, VerifyFailure.OTHER),
    ],
)
def test_the_bits_of_a_status(status: int, failure: VerifyFailure) -> None:
    assert verify.failure_of(status) is failure
