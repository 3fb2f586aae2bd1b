"""Fixtures of the tests of the adapters. They ask a backend for features, and never for its name."""

from __future__ import annotations

import os

import pytest
from _contexts import client_context, server_context

import unitls

_USABLE = [status.name for status in unitls.available_backends() if status.available]
_WANTED = os.environ.get("UNITLS_TEST_ADAPTERS")
"""The names of some backends: on other Pythons it is the adapters that may differ, and one will do."""
_BACKENDS = [name for name in _USABLE if _WANTED is None or name in _WANTED.split(",")]


@pytest.fixture(params=_BACKENDS)
def backend(request: pytest.FixtureRequest) -> unitls.Backend:
    """Each backend that can be used here."""
    return unitls.get_backend(request.param)


@pytest.fixture
def server(backend: unitls.Backend) -> unitls.ServerContext:
    """A server that calls itself server.test."""
    return server_context(backend)


@pytest.fixture
def client(backend: unitls.Backend) -> unitls.ClientContext:
    """A client that trusts it."""
    return client_context(backend)
