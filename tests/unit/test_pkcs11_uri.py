from __future__ import annotations

import pytest

import unitls
from unitls.core._pkcs11_uri import without_pin


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("pkcs11:token=a;object=b", "pkcs11:token=a;object=b"),
        ("pkcs11:token=a?pin-value=1234", "pkcs11:token=a?pin-value=***"),
        ("pkcs11:token=a?pin-value=1%2634&module-path=/m.so", "pkcs11:token=a?pin-value=***&module-path=/m.so"),
        ("pkcs11:token=a;pin-value=1234;object=b?pin-source=/p", "pkcs11:token=a;pin-value=***;object=b?pin-source=/p"),
    ],
)
def test_a_pin_is_not_shown(uri: str, shown: str) -> None:
    assert without_pin(uri) == shown


@pytest.mark.parametrize("kind", [unitls.Certificate, unitls.PrivateKey])
def test_no_repr_shows_a_pin(kind: type[unitls.Certificate] | type[unitls.PrivateKey]) -> None:
    shown = repr(kind.from_pkcs11("pkcs11:object=a?pin-value=1234"))
    assert "object=a" in shown
    assert "1234" not in shown
