"""The options ``--tls-backend`` and ``--tls-peer`` of pytest. The checks themselves are in ``test_conformance.py``.

Kept small: as a registered plugin it is imported by every run of pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("unitls", "conformance of TLS backends (pytest --pyargs unitls.testing)")
    group.addoption(
        "--tls-backend",
        action="append",
        default=[],
        metavar="NAME",
        help="the backend to check; may be repeated; every available one if not given",
    )
    group.addoption(
        "--tls-peer",
        action="append",
        default=[],
        metavar="NAME",
        help="the backend whose servers it talks to; may be repeated; its own if not given",
    )
    group.addoption(
        "--tls-case",
        action="append",
        default=[],
        metavar="PATTERN",
        help="only the cases whose name matches; may be repeated",
    )
