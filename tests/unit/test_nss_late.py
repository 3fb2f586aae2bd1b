"""Client authentication after the handshake on an NSS server, whose own clients put all of their answer into one record."""

from __future__ import annotations

import contextlib

import pytest
from _nss import BACKEND

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
