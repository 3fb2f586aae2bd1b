"""What an exception holds on to: no key and no passphrase in the local variables of the functions it came through."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import unitls
from unitls.core._pem import to_pem
from unitls.testing._zoo_files import load_identities

SERVER = load_identities().server
KEY = serialization.load_pem_private_key(SERVER.key_pem, None)
DER = KEY.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
PEM = to_pem(DER, "PRIVATE KEY")
PASSPHRASE = b"correct horse"
ENCRYPTED = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(PASSPHRASE)
)
OTHER = load_identities().client.key_pem
BACKENDS = [status.name for status in unitls.available_backends() if status.available]
MARKS = (repr(DER[40:52])[2:-1], PEM.splitlines()[1][20:40].decode(), PASSPHRASE.decode())


def passphrase() -> bytes:
    return PASSPHRASE


def wrong_passphrase() -> bytes:
    return b"incorrect horse"  # which holds the mark too


def report(action: Callable[[], object]) -> str:
    """What a program that logs local variables writes of a fault, its own functions left out."""
    with pytest.raises(unitls.ConfigurationError) as caught:
        action()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    return "".join(shown.format())


@pytest.mark.parametrize("content", [DER[:-1], PEM.replace(b"-----END", b"!-----END"), PEM + PEM])
def test_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    del content
    text = report(lambda: unitls.PrivateKey.from_file(path))
    assert [mark for mark in MARKS if mark in text.replace("\\\\", "\\")] == []
    assert "_values.py" in text  # the traceback itself is kept


def packed() -> bytes:
    protection = serialization.BestAvailableEncryption(passphrase())
    return pkcs12.serialize_key_and_certificates(None, KEY, None, None, protection)  # type: ignore[arg-type]


@pytest.mark.parametrize("ask", [passphrase, wrong_passphrase])
def test_a_pkcs12_file(ask: Callable[[], bytes]) -> None:
    text = report(lambda: unitls.load_pkcs12(packed(), ask))
    assert [mark for mark in MARKS if mark in text] == []


def test_the_variables_of_the_program_are_left_alone() -> None:
    def fails() -> bytes:
        known = "what the program looks for"
        raise unitls.ConfigurationError(known.upper())

    assert "what the program looks for" in report(lambda: unitls.load_pkcs12(packed(), fails))


@pytest.mark.parametrize("name", BACKENDS)
@pytest.mark.parametrize(
    ("pem", "ask"), [(ENCRYPTED, wrong_passphrase), (ENCRYPTED, lambda: "correct horse"), (OTHER, None)]
)
def test_a_key_that_a_backend_refuses(name: str, pem: bytes, ask: Callable[[], bytes] | None) -> None:
    backend = unitls.get_backend(name)
    chain = tuple(map(unitls.Certificate.from_buffer, SERVER.chain))
    identity = unitls.Identity(chain, unitls.PrivateKey.from_buffer(pem, ask))
    configuration = unitls.TLSServerConfiguration(identities=(identity,))
    text = report(lambda: backend.server_context(configuration))
    lines = [line[20:40].decode() for line in OTHER.splitlines()[1:-1] if len(line) > 40]
    assert [mark for mark in (*MARKS, *lines) if mark in text] == []
