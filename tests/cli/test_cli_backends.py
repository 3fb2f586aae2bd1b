"""``unitls backends``."""

from __future__ import annotations

import subprocess
import sys

import unitls
from unitls.registry import is_named_only

WITHOUT_SSL = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ImportError(f"No module named {name!r}")
sys.meta_path.insert(0, Blocker())
import unitls.cli
sys.exit(unitls.cli.main(sys.argv[1:]))
"""


def usable() -> list[unitls.Backend]:
    """Those that a list asks what they can do: not those that are loaded only when somebody names them."""
    names = [status.name for status in unitls.available_backends() if status.available]
    return [unitls.get_backend(name) for name in names if not is_named_only(name)]


def test_the_table_names_libraries_and_features(run):
    ran = run("backends")
    assert (ran.status, ran.err) == (0, "")
    for backend in usable():
        assert backend.name in ran.out
        assert backend.library_version in ran.out
    for feature in unitls.Feature:
        assert feature.value in ran.out


def test_capabilities_gives_the_reasons(run):
    short, long = run("backends").out, run("backends", "--capabilities").out
    for backend in usable():
        for feature in unitls.Feature:
            reason = backend.capabilities.reason(feature)
            assert f"{feature.value}: {reason}" in long or not reason
        for note in backend.capabilities.notes:
            assert note in long
            assert note not in short


def test_json_says_the_same(run):
    entries = {entry["name"]: entry for entry in run("backends", "--json").json}
    for backend in usable():
        entry = entries[backend.name]
        assert entry["available"] is True
        assert entry["library_version"] == backend.library_version
        capabilities = entry["capabilities"]
        assert capabilities["versions"] == [version.name for version in backend.capabilities.versions]
        for feature in unitls.Feature:
            assert capabilities["features"][feature.name]["supported"] is backend.capabilities.supports(feature)


def test_where_nothing_can_be_used_it_says_why():
    command = [sys.executable, "-c", WITHOUT_SSL]
    done = subprocess.run([*command, "backends"], capture_output=True, text=True, timeout=150, check=False)
    if "available" in done.stdout.replace("not available", ""):
        assert done.returncode == 0  # another library than OpenSSL is here
        return
    assert done.returncode == 2
    assert "No module named 'ssl'" in done.stdout
    assert "built with the ssl module" in done.stdout
    done = subprocess.run([*command, "interop"], capture_output=True, text=True, timeout=150, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'unitls backends' says why" in done.stderr
