"""Client authentication after the handshake, as NSS does it; its own clients put all of their answer into one record."""

from __future__ import annotations

import contextlib
import os

import pytest
from _link import IDS, TRUST, Link
from _nss import BACKEND, client, identity, server

import unitls
from unitls.testing._cases_late import certificate_without_its_key_later
from unitls.testing._kit import Drive, Kit


@pytest.mark.parametrize("other", ["pyopenssl", "gnutls"])
def test_a_certificate_without_its_key(other: str) -> None:
    if not any(item.name == other and item.available for item in unitls.available_backends()):
        pytest.skip(f"{other} is not there")
    kit = Kit(unitls.get_backend(other), BACKEND, Drive.WHOLE, unitls.TLSVersion.TLSv1_3)
    with contextlib.closing(kit):
        certificate_without_its_key_later(kit)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_client_that_is_asked_later_signs_with_random_numbers_of_its_own() -> None:
    """An ECDSA nonce that two processes have in common gives the private key away."""
    own = client(TRUST, identities=(identity(IDS.client),), post_handshake_authentication=True)
    link = Link(own, server(IDS.server, trust_store=TRUST, post_handshake_authentication=True)).handshake()
    link.server.request_client_certificate()
    link.to_client()
    reader, writer = os.pipe()
    child = os.fork()
    try:
        with contextlib.suppress(unitls.WantReadError):
            link.client.read()
        answer = link.client_out.read()
    finally:
        if not child:
            with contextlib.suppress(OSError, NameError):
                os.write(writer, answer)
            os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        other = pipe.read()
    assert len(answer) > 64 < len(other)
    assert answer != other
