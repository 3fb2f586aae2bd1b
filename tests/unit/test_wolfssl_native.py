"""The edge of wolfSSL: its bindings, its errors, its tickets, and that nothing of a connection is left behind."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

import unitls

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
from unitls.backends.wolfssl import _tickets, ciphers, config, errors, native
from unitls.backends.wolfssl.native import ffi

ROOT = Path(__file__).resolve().parents[2]


def test_the_bindings_are_what_the_generator_writes() -> None:
    command = [sys.executable, "tools/make_bindings/wolfssl.py", "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    if "No module named" in result.stderr:
        pytest.skip("cffi's compiler is not here")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_declared_function_is_in_the_library() -> None:
    declared = [name for name in dir(native.lib) if name.startswith(("wolfSSL_", "wc_"))]
    assert len(declared) > 80
    assert [name for name in declared if not hasattr(native.lib, name)] == []


def test_the_version_is_the_librarys() -> None:
    assert native.VERSION.startswith("wolfSSL 5.")


def test_suites_that_protect_nothing_are_never_there() -> None:
    found = set(ciphers.available())
    assert {0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F} <= found
    nothing = {0xC0B4, 0xC0B5, 0x0001, 0x0002, 0x003B, 0x00B0, 0xC006, 0xC010, 0xD005, 0x0034, 0x00A7, 0xC007, 0xC011}
    assert not found & nothing
    assert ciphers.default() == tuple(
        suite for suite in ciphers.default(old_versions=True) if suite in ciphers.default()
    )


def test_what_is_refused_has_a_reason_and_a_licence_is_named() -> None:
    found = config.capabilities()
    assert all(found.reason(feature) for feature in unitls.Feature if not found.supports(feature))
    assert any("GPL" in note for note in found.notes)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (-188, unitls.CertificateVerificationError),
        (-345, unitls.CertificateVerificationError),
        (-409, unitls.CertificateVerificationError),
        (-397, unitls.RaggedEOF),
        (-125, unitls.InternalTLSError),
        (-326, unitls.ProtocolViolation),
        (-501, unitls.ProtocolViolation),
        (-999, unitls.ProtocolViolation),
    ],
)
def test_codes_become_our_errors(code: int, kind: type[unitls.TLSError]) -> None:
    error = errors.translate(native.Error(code))
    assert isinstance(error, kind)
    assert isinstance(error, errors.WolfSSLError)
    assert error.native_code == code
    assert error.native_text


def test_an_alert_is_told_by_its_number() -> None:
    error = errors.translate(native.Error(-313, 48))
    assert isinstance(error, unitls.PeerAlert)
    assert error.alert is unitls.AlertDescription.UNKNOWN_CA
    assert isinstance(errors.translate(native.Error(-313, 7)), unitls.ProtocolViolation)
    assert errors.translate(native.Closed()) is None


def test_a_ticket_opens_with_the_keys_that_sealed_it() -> None:
    one, both, other = (_tickets.TicketKeys(secrets) for secrets in ((b"1",), (b"2", b"1"), (b"3",)))
    name, nonce, tag = ffi.new("unsigned char[16]"), ffi.new("unsigned char[16]"), ffi.new("unsigned char[32]")
    content, size = ffi.new("unsigned char[]", b"a session, and its secrets"), ffi.new("int *")
    plain = bytes(content)
    assert one.seal(name, nonce, tag, content, len(plain), size) == 0
    assert size[0] == len(plain)
    assert bytes(content) != plain
    sealed = bytes(content)
    assert other.open(name, nonce, tag, content, len(plain), size) == 1
    assert bytes(content) == sealed
    assert both.open(name, nonce, tag, content, len(plain), size) == 0
    assert bytes(content) == plain
    tag[0] ^= 1
    assert one.open(name, nonce, tag, ffi.new("unsigned char[]", sealed), len(plain), size) == 1


def test_nonces_do_not_repeat() -> None:
    keys, seen = _tickets.TicketKeys(None), set()
    for _ in range(50):
        nonce = ffi.new("unsigned char[16]")
        keys.seal(
            ffi.new("unsigned char[16]"),
            nonce,
            ffi.new("unsigned char[32]"),
            ffi.new("unsigned char[8]"),
            8,
            ffi.new("int *"),
        )
        seen.add(bytes(nonce))
    assert len(seen) == 50


def test_a_callback_that_comes_too_late_fails() -> None:
    gc.collect()
    room = ffi.new("char[8]")
    assert native.receive(ffi.NULL, room, 8, 0) == -1
    assert native.send(ffi.NULL, room, 8, 2**60) == -1
    assert _tickets.ticket(ffi.NULL, ffi.NULL, ffi.NULL, ffi.NULL, 1, ffi.NULL, 0, ffi.NULL, 0) == -1
    assert _tickets.ticket(ffi.NULL, ffi.NULL, ffi.NULL, ffi.NULL, 0, ffi.NULL, 0, ffi.NULL, 0) == 1
