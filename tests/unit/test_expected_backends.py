"""On a machine that is to have certain libraries, a missing one is a failure, and not some tests fewer."""

from __future__ import annotations

import os

import unitls


def test_each_library_that_has_to_be_there_is_there() -> None:
    names = os.environ.get("UNITLS_EXPECTED_BACKENDS", "openssl").split(",")
    assert [unitls.get_backend(name).name for name in names] == names
