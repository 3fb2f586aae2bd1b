"""Fixtures of the tests against real peers. They ask a backend for features, and never for its name."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from _ours import VERSIONS
from _pki import PKI
from _programs import clean_environment, need_program

import unitls
from unitls import TLSVersion

_HERE = Path(__file__).parent
_BACKENDS = [status.name for status in unitls.available_backends() if status.available]
_TIMEOUT = 600  # the first build of the Go peer compiles Go's whole TLS library, and several workers may be at it


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker by which a test says what it needs of the backend."""
    config.addinivalue_line("markers", "needs(*features): skip with a backend that lacks one of these features")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder the time that other programs need on a loaded machine."""
    for item in items:
        if item.path.is_relative_to(_HERE) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(_TIMEOUT))


@pytest.fixture(params=_BACKENDS)
def backend(request: pytest.FixtureRequest) -> unitls.Backend:
    """Each backend that can be used here and has what the test needs."""
    chosen = unitls.get_backend(request.param)
    for marker in request.node.iter_markers("needs"):
        for feature in marker.args:
            if not chosen.capabilities.supports(feature):
                pytest.skip(f"{chosen.name} lacks {feature.value}: {chosen.capabilities.reason(feature)}")
    return chosen


@pytest.fixture(params=VERSIONS, ids=lambda version: version.name)
def version(request: pytest.FixtureRequest, backend: unitls.Backend) -> TLSVersion:
    """TLS 1.2 and 1.3, where the backend has them."""
    if request.param not in backend.capabilities.versions:
        pytest.skip(f"{backend.name} does not negotiate {request.param.name}")
    chosen: TLSVersion = request.param
    return chosen


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> PKI:
    """The certificates, as files."""
    return PKI.create(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="session")
def go_peer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built from its source without anything but the toolchain that is here."""
    go = need_program("go")
    binary = tmp_path_factory.mktemp("go") / "peer"
    subprocess.run(
        [go, "build", "-o", binary, "."],
        cwd=_HERE / "peers" / "go",
        env=clean_environment(GOFLAGS="-mod=mod", GOTOOLCHAIN="local", GOPROXY="off"),
        check=True,
        timeout=_TIMEOUT,
    )
    return binary
