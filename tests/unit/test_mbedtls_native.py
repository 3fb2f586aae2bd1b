"""The binding of Mbed TLS: where the library is found, how its structures are measured, what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from unitls.testing._zoo_files import load_identities

native = pytest.importorskip("unitls.backends.mbedtls.native", exc_type=ImportError)

from unitls.backends.mbedtls import _layout, _library  # noqa: E402 - only where the library is

IDS = load_identities()


class Patched:
    """The library with some functions replaced."""

    def __init__(self, **functions: Any) -> None:
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        return self._functions.get(name) or getattr(native.lib, name)


def test_a_chain_is_walked_by_the_offset_that_was_found() -> None:
    chain = native.new("x509_crt")
    ders = [IDS.server.chain[0], *IDS.second_server.chain, IDS.authority.certificate_der]
    for der in ders:
        native.check(native.lib.mbedtls_x509_crt_parse_der(chain, der, len(der)))
    assert native.certificates(chain) == ders


def test_an_empty_chain_has_no_certificate() -> None:
    assert native.certificates(native.new("x509_crt")) == []
    assert native.certificates(native.ffi.NULL) == []


def test_every_structure_is_allocated_with_room_to_spare() -> None:
    layout = _layout.Layout(native.ffi, native.lib)
    assert set(layout.sizes) == set(_layout._LEAST)
    for name, size in layout.sizes.items():
        assert _layout._LEAST[name] <= size <= native.ffi.sizeof(f"mbedtls_{name}") // 2


@pytest.mark.timeout(200)
def test_the_collector_frees_connections_and_keys_in_any_order() -> None:
    """What was freed in the wrong order ended the process, so this is one of its own."""
    program = (
        "import gc, unitls\n"
        "from unitls.testing._kit import Drive, Kit\n"
        "backend = unitls.get_backend('mbedtls')\n"
        "for _ in range(40):\n"
        "    kit = Kit(backend, backend, Drive.WHOLE, None)\n"
        "    pair = kit.pair(kit.client(), kit.server())\n"
        "    half = kit.pair()\n"
        "    half.client.tls.handshake_step()\n"
        "    pair.handshake()\n"
        "    cycle = [pair, half, kit]\n"
        "    cycle.append(cycle)\n"
        "    del cycle, pair, half, kit\n"
        "    gc.collect()\n"
        "from unitls.backends.mbedtls import native\n"
        "assert not native._configs\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr


def test_a_build_that_lacks_a_part_is_refused() -> None:
    lib = Patched(mbedtls_version_check_feature=lambda name: -1 if name == b"MBEDTLS_SSL_ALPN" else 0)
    with pytest.raises(ImportError, match="without SSL_ALPN"):
        _layout.Layout(native.ffi, lib)


@pytest.mark.parametrize("written", [0, 8, 2040])
def test_a_structure_of_an_impossible_size_is_refused(written: int) -> None:
    def initialise(structure: Any) -> None:
        native.ffi.buffer(native.ffi.cast("char *", structure), 2048)[:written] = bytes(written)

    with pytest.raises(ImportError, match="cannot be"):
        _layout.Layout(native.ffi, Patched(mbedtls_x509_crt_init=initialise))


def test_a_certificate_that_begins_otherwise_is_refused() -> None:
    def parse(chain: Any, der: bytes, size: int) -> int:
        code: int = native.lib.mbedtls_x509_crt_parse_der(chain, der, size)
        chain.raw.len -= 1
        return code

    with pytest.raises(ImportError, match="does not begin as expected"):
        _layout.Layout(native.ffi, Patched(mbedtls_x509_crt_parse_der=parse))


def test_a_certificate_without_a_successor_is_refused() -> None:
    calls: list[int] = []

    def parse(chain: Any, der: bytes, size: int) -> int:
        calls.append(size)
        return native.lib.mbedtls_x509_crt_parse_der(chain, der, size) if len(calls) == 1 else 0

    with pytest.raises(ImportError, match="no successor"):
        _layout.Layout(native.ffi, Patched(mbedtls_x509_crt_parse_der=parse))


def test_a_library_that_reads_no_certificate_is_refused() -> None:
    with pytest.raises(ImportError, match="cannot read"):
        _layout.Layout(native.ffi, Patched(mbedtls_x509_crt_parse_der=lambda *_: -1))


# ------------------------------------------------------------------------------------------ where the library is


def test_nothing_found_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(_library.ENVIRONMENT_VARIABLE, str(tmp_path / "libmbedtls.so.14"))
    with pytest.raises(ImportError, match=r"libmbedtls\.so\.14.*install"):
        _library.open_mbedtls(native.ffi)


def test_a_file_that_is_no_library_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "libmbedtls.so.14"
    path.write_bytes(b"nothing of the kind")
    monkeypatch.setenv(_library.ENVIRONMENT_VARIABLE, str(path))
    with pytest.raises(ImportError, match="no library of Mbed TLS"):
        _library.open_mbedtls(native.ffi)


def test_the_system_comes_before_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(_library.ENVIRONMENT_VARIABLE, raising=False)
    candidates = list(_library._candidates())
    assert candidates[: len(_library.NAMES)] == list(_library.NAMES)
    assert candidates[len(_library.NAMES) :] == [str(path) for path in _library.wheel_libraries()]


def test_the_wheel_is_found_without_importing_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mbedtls", raising=False)  # another test may have imported it
    if not _library.wheel_libraries():
        pytest.skip("the package python-mbedtls is not installed")
    assert "mbedtls" not in sys.modules


def test_no_wheel_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_library, "find_spec", lambda name: None)
    assert _library.wheel_libraries() == []


@pytest.mark.timeout(200)
def test_a_version_that_is_not_known_is_an_import_error() -> None:
    program = (
        "import sys, types\n"
        # The package itself cannot be imported then, so its modules are reached without it.
        f"package = types.ModuleType('unitls.backends.mbedtls'); package.__path__ = {[str(Path(_library.__file__).parent)]!r}\n"
        "sys.modules['unitls.backends.mbedtls'] = package\n"
        "from unitls.backends.mbedtls import _library as library\n"
        "class Old:\n"
        "    def mbedtls_version_get_number(self): return 0x02100000\n"
        "library.open_mbedtls = lambda ffi: Old()\n"
        "import unitls.backends.mbedtls.native\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "this is Mbed TLS 2.16; 2.28 or 3.6 is needed" in done.stderr


def test_results_have_the_words_of_the_library() -> None:
    error = native.Error(-0x7180)
    assert error.code == -0x7180
    assert "MAC" in error.text
    assert "-0x7180" in error.text
