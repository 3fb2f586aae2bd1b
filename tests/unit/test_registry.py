from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import unitls
from unitls import registry
from unitls.testing._fake import fake_backend

Register = Callable[..., None]

THIRD_PARTY = """
from unitls.testing._fake import fake_backend
BACKEND = fake_backend()
NOT_ONE = "a string"
loads = []
"""


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Install a distribution that registers entry points: a folder with metadata on the path."""

    def install(entries: str, module: str = THIRD_PARTY) -> None:
        (tmp_path / "thirdparty_tls.py").write_text(module)
        info = tmp_path / "thirdparty_tls-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty-tls\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[unitls.backends]\n{entries}\n")
        importlib.invalidate_caches()  # the time of a folder's change is too coarse to tell that files have come

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "thirdparty_tls", raising=False)
    return install


@pytest.fixture
def broken_openssl(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a Python without the module `ssl`."""
    known = registry._Known("unitls_no_such_module", "install something")
    monkeypatch.setitem(registry._KNOWN, "openssl", known)


def status(name: str) -> unitls.BackendStatus:
    return next(item for item in unitls.available_backends() if item.name == name)


def test_a_backend_by_name() -> None:
    backend = unitls.get_backend("openssl")
    assert backend.name == "openssl"
    assert unitls.get_backend("openssl") is backend
    assert unitls.get_backend() is backend
    assert backend.client_context().backend is backend


def test_an_unknown_name_says_what_there_is() -> None:
    with pytest.raises(unitls.ConfigurationError, match=r"no backend 'nonesuch'.*openssl"):
        unitls.get_backend("nonesuch")


def test_one_that_cannot_be_used_says_why_and_what_to_install(broken_openssl: None) -> None:
    with pytest.raises(unitls.ConfigurationError, match="install something") as caught:
        unitls.get_backend("openssl")
    assert "unitls_no_such_module" in str(caught.value)
    assert isinstance(caught.value.__cause__, ImportError)
    found = status("openssl")
    assert not found.available
    assert "unitls_no_such_module" in found.reason
    assert "install something" in found.reason


def test_none_at_all_says_why_for_each(broken_openssl: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(registry._KNOWN) - {"openssl"}:
        monkeypatch.delitem(registry._KNOWN, name)
    with pytest.raises(unitls.ConfigurationError, match=r"no TLS backend can be used here.*install something"):
        unitls.get_backend()


def test_the_environment_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNITLS_BACKEND", "nonesuch")
    with pytest.raises(unitls.ConfigurationError, match="nonesuch"):
        unitls.get_backend()
    assert unitls.get_backend("openssl").name == "openssl"
    monkeypatch.setenv("UNITLS_BACKEND", "")
    assert unitls.get_backend().name in registry._KNOWN


CODE = "import unitls; print(unitls.get_backend().name)"


@pytest.mark.parametrize("flag", ["-E", "-I"])
def test_the_environment_is_ignored_when_python_is_told_so(flag: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNITLS_BACKEND", "nonesuch")
    source = str(Path(unitls.__file__).parents[1])
    code = f"import sys; sys.path.insert(0, {source!r}); {CODE}"
    result = subprocess.run(
        [sys.executable, flag, "-c", code], capture_output=True, text=True, timeout=100, check=False
    )
    assert (result.returncode, result.stdout.strip()) == (0, "openssl"), result.stderr


def test_a_default_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNITLS_BACKEND", "nonesuch")
    fake = fake_backend()
    unitls.set_default_backend(fake)
    assert unitls.get_backend() is fake
    assert unitls.get_backend("openssl") is not fake
    unitls.set_default_backend("openssl")
    assert unitls.get_backend().name == "openssl"
    unitls.set_default_backend(None)
    with pytest.raises(unitls.ConfigurationError, match="nonesuch"):
        unitls.get_backend()


def test_a_bad_default_is_refused_and_the_old_one_stays() -> None:
    fake = fake_backend()
    unitls.set_default_backend(fake)
    with pytest.raises(unitls.ConfigurationError, match="nonesuch"):
        unitls.set_default_backend("nonesuch")
    with pytest.raises(unitls.ConfigurationError, match="not as object"):
        unitls.set_default_backend(object())  # type: ignore[arg-type]
    assert unitls.get_backend() is fake


def test_what_is_available() -> None:
    names = [item.name for item in unitls.available_backends()]
    assert names[: len(registry._KNOWN)] == list(registry._KNOWN)
    found = status("openssl")
    assert found.available
    assert found.library_version == unitls.get_backend("openssl").library_version
    assert (found.reason, found.source) == ("", "unitls")


def test_a_third_party_registers_itself(register: Register) -> None:
    register("thirdparty = thirdparty_tls:BACKEND")
    backend = unitls.get_backend("thirdparty")
    import thirdparty_tls  # type: ignore[import-not-found]

    assert backend is thirdparty_tls.BACKEND
    found = status("thirdparty")
    assert found.available
    assert found.source == "thirdparty-tls"
    with pytest.raises(unitls.ConfigurationError, match="thirdparty"):
        unitls.get_backend("nonesuch")


def test_a_third_party_is_never_taken_by_itself(
    register: Register, broken_openssl: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    register("thirdparty = thirdparty_tls:BACKEND")
    for name in set(registry._KNOWN) - {"openssl"}:
        monkeypatch.delitem(registry._KNOWN, name)
    with pytest.raises(unitls.ConfigurationError, match="no TLS backend"):
        unitls.get_backend()
    assert "thirdparty_tls" not in sys.modules
    with pytest.raises(unitls.ConfigurationError, match="thirdparty"):
        unitls.get_backend("openssl")
    assert "thirdparty_tls" not in sys.modules


def test_a_third_party_cannot_take_a_name_of_ours(register: Register) -> None:
    register("openssl = thirdparty_tls:BACKEND")
    assert unitls.get_backend("openssl").library_version != "fake library 1.0"
    assert [item.name for item in unitls.available_backends()].count("openssl") == 1


@pytest.mark.parametrize(
    ("entry", "module", "text"),
    [
        ("bad = thirdparty_tls:NOT_ONE", THIRD_PARTY, "not a unitls.Backend"),
        ("bad = thirdparty_tls:MISSING", THIRD_PARTY, "MISSING"),
        ("bad = unitls_no_such_module:BACKEND", THIRD_PARTY, "unitls_no_such_module"),
        ("bad = thirdparty_tls:BACKEND", "import unitls_no_such_module", "unitls_no_such_module"),
        ("bad = thirdparty_tls:BACKEND", "raise RuntimeError('its library is too old')", "too old"),
        ("bad = thirdparty_tls:BACKEND", "raise OSError('libtls.so.9: cannot open shared object')", "libtls"),
        ("bad = thirdparty_tls:BACKEND", "this is no Python", "invalid syntax"),
    ],
)
def test_a_broken_third_party_breaks_nothing_else(register: Register, entry: str, module: str, text: str) -> None:
    register(entry, module)
    with pytest.raises(unitls.ConfigurationError, match=text):
        unitls.get_backend("bad")
    found = status("bad")
    assert not found.available
    assert text in found.reason
    assert status("openssl").available


def test_a_backend_is_a_value_compared_by_identity() -> None:
    one, two = fake_backend(), fake_backend()
    assert one != two
    assert len({one, two}) == 2
    assert one.capabilities.supports(unitls.Feature.CLIENT)
    changed: Any = one
    with pytest.raises(AttributeError):
        changed.name = "other"


# ------------------------------------------------------------------------------- a backend that is loaded by its name only

_LISTED = """
import sys, unitls
from unitls.registry import is_named_only
unitls.get_backend("openssl")
listed = {item.name: item for item in unitls.available_backends()}
try:
    unitls.get_backend("nonesuch")
except unitls.ConfigurationError as error:
    message = str(error)
mapped = open("/proc/self/maps").read() if sys.platform == "linux" else ""
assert "unitls.backends.wolfssl" not in sys.modules, "imported"
assert "libwolfssl" not in mapped, "loaded"
assert is_named_only("wolfssl") and not is_named_only("openssl") and not is_named_only("nonesuch")
print(listed["wolfssl"].available, "wolfssl" in message, repr(listed["wolfssl"].library_version))
"""


def test_a_library_that_binds_the_process_is_not_loaded_by_a_list() -> None:
    result = subprocess.run([sys.executable, "-c", _LISTED], capture_output=True, text=True, timeout=100, check=False)
    assert result.returncode == 0, result.stderr
    available, in_message, version = result.stdout.split()
    assert available == in_message
    assert version == "''"


def test_it_is_there_if_its_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_LOADER_CACHE", tmp_path / "cache")
    monkeypatch.setattr(registry, "_LIBRARY_FOLDERS", (str(tmp_path / "missing"),))
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    known = registry._Known("unitls_no_such_module", "install something", library="libunitlstest")
    monkeypatch.setitem(registry._KNOWN, "bound", known)
    assert "libunitlstest was not found: install something" in status("bound").reason
    assert not status("bound").available
    (tmp_path / "libunitlstest.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nonexistent:{tmp_path}")
    assert (status("bound").available, status("bound").reason) == (True, "")
    monkeypatch.delenv("LD_LIBRARY_PATH")
    (tmp_path / "cache").write_bytes(b"ld.so-1.7.0\0/usr/lib/libunitlstest.so.1\0")
    assert status("bound").available
    with pytest.raises(unitls.ConfigurationError, match="install something"):
        unitls.get_backend("bound")


def test_it_is_named_by_its_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry._Known("unitls_no_such_module", "install something", library="libunitlstest")
    monkeypatch.setattr(registry, "_KNOWN", {"bound": known})
    with pytest.raises(unitls.ConfigurationError, match="no TLS backend can be used here"):
        unitls.get_backend()


def test_without_cffi_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry._Known("unitls_no_such_module", "install something", library="libunitlstest")
    monkeypatch.setitem(registry._KNOWN, "bound", known)
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    assert "cffi" in status("bound").reason
