"""A server's ticket keys are bound to the rules by which it authenticates clients."""

from __future__ import annotations

from typing import Any

import pytest
from _link import TRUST, identity

import unitls
from unitls.core._settings import resolve
from unitls.core._ticket_keys import ticket_secrets
from unitls.testing._fake import fake_backend

KEYS = (bytes(range(16)), bytes(range(16, 48)))
REQUIRED = unitls.ClientAuthentication.REQUIRED


def secrets(**values: Any) -> tuple[bytes, ...] | None:
    configuration = unitls.TLSServerConfiguration(identities=(identity(),), **{"ticket_keys": KEYS, **values})
    return ticket_secrets(resolve(configuration, fake_backend().capabilities, server_side=True))


def test_where_nobody_is_asked_versions_and_suites_count() -> None:
    usual = secrets()
    assert usual is not None
    assert len({*usual, *KEYS}) == 4
    assert secrets(trust_store=TRUST) == usual
    suites = [unitls.CipherSuite.TLS_AES_128_GCM_SHA256, unitls.CipherSuite.TLS_AES_256_GCM_SHA384]
    chosen = secrets(ciphers=suites)
    assert chosen == secrets(ciphers=suites[::-1])
    for other in (chosen, secrets(upper_bound=unitls.TLSVersion.TLSv1_2), secrets(ciphers=suites[:1])):
        assert other is not None
        assert not {*usual} & {*other}
    assert secrets(ticket_keys=None) is None
    assert secrets(ticket_keys=None, client_authentication=REQUIRED, trust_store=TRUST) is None


def test_the_same_rules_give_the_same_keys() -> None:
    one, two = (secrets(client_authentication=REQUIRED, trust_store=TRUST, crls=lists) for lists in ([b"1", b"2"],) * 2)
    assert one == two == secrets(client_authentication=REQUIRED, trust_store=TRUST, crls=[b"2", b"1"])
    assert one != secrets()


CHANGES: list[dict[str, Any]] = [
    {"client_authentication": unitls.ClientAuthentication.OPTIONAL},
    {"client_authentication": unitls.ClientAuthentication.NONE, "post_handshake_authentication": True},
    {"trust_store": unitls.TrustStore.from_buffer(identity().certificates[0].der)},  # type: ignore[attr-defined]
    {"crls": [b"a newer list"]},
    {"pins": [bytes(32)]},
    {"verification_depth": 1},
    {"signature_algorithms": [0x0403]},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_other_rules_give_other_keys(change: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"client_authentication": REQUIRED, "trust_store": TRUST, "crls": [b"a list"]}
    before, after = secrets(**usual), secrets(**{**usual, **change})
    assert before is not None
    assert after is not None
    assert not set(before) & set(after)
