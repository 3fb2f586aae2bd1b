from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _link import IDS, identity

import unitls
from unitls.testing._zoo_files import load_key_zoo

pytest.importorskip("ssl", reason="this Python has no ssl module")
from unitls.backends.openssl import config, native

CONTENT = b"-----BEGIN SECRET-----\n" + b"x" * 200_000
KEYS = load_key_zoo()
ENCRYPTED = sorted(name for name, (_, password) in KEYS.items() if password is not None)


def is_memory_file(descriptor: int) -> bool:
    """Whether it is open, as what it was: others of the process come and go meanwhile."""
    try:
        return "memfd" in os.readlink(f"/proc/self/fd/{descriptor}")
    except FileNotFoundError:
        return False


def owner_of(name: str) -> tuple[bytes, ...]:
    return (IDS.rsa_server if name.startswith("rsa-") else IDS.server).chain


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system has no memory files")
def test_a_memory_file_is_private_and_goes() -> None:
    with native.memory_file(CONTENT) as path:
        assert path.startswith("/proc/self/fd/")
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        descriptor = int(path.rsplit("/", 1)[1])
        assert not os.get_inheritable(descriptor)
        assert Path(path).read_bytes() == CONTENT
        assert is_memory_file(descriptor)
    assert not is_memory_file(descriptor)


def test_a_memory_file_goes_when_something_fails() -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("this system has no memory files")
    made: list[int] = []

    def fail(path: str) -> None:
        made.append(int(path.rsplit("/", 1)[1]))
        assert is_memory_file(made[0])
        raise KeyError

    with pytest.raises(KeyError), native.memory_file(CONTENT) as path:
        fail(path)
    assert not is_memory_file(made[0])


def refusing(number: int) -> Callable[..., int]:
    def refuse(*arguments: Any) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


@pytest.fixture(params=[None, errno.ENOSYS, errno.EPERM, errno.EACCES])
def without_memory_files(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    if request.param is None:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    else:
        monkeypatch.setattr(os, "memfd_create", refusing(request.param), raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_temporary_file_is_private_and_goes(without_memory_files: Path) -> None:
    with native.memory_file(CONTENT) as path:
        assert Path(path).parent == without_memory_files
        if os.name == "posix":
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        assert Path(path).read_bytes() == CONTENT
    with pytest.raises(KeyError), native.memory_file(CONTENT):
        raise KeyError
    assert list(without_memory_files.iterdir()) == []


def test_no_file_is_left_where_keys_are_loaded(without_memory_files: Path) -> None:
    config.check_identity(identity())
    with pytest.raises(unitls.ConfigurationError):
        config.check_identity(wrong_identity())
    assert list(without_memory_files.iterdir()) == []


def wrong_identity() -> unitls.Identity:
    chain = [unitls.Certificate.from_buffer(IDS.server.chain[0])]
    return unitls.Identity(chain, unitls.PrivateKey.from_buffer(IDS.client.key_pem))


def test_a_key_that_does_not_fit() -> None:
    with pytest.raises(unitls.ConfigurationError, match="does not belong to the leaf"):
        config.check_identity(wrong_identity())


@pytest.mark.parametrize("name", sorted(KEYS))
@pytest.mark.parametrize("form", ["bytes", "bytearray", "callable"])
def test_every_encoding_of_a_key(name: str, form: str) -> None:
    data, password = KEYS[name]
    given: Any = {"bytes": password, "bytearray": bytearray(password or b""), "callable": lambda: password or b""}[form]
    key = unitls.PrivateKey.from_buffer(data, given)
    chain = [unitls.Certificate.from_buffer(der) for der in owner_of(name)]
    config.check_identity(unitls.Identity(chain, key))


@pytest.mark.parametrize("name", ENCRYPTED)
def test_a_wrong_passphrase_is_told_from_damage(name: str) -> None:
    key = unitls.PrivateKey.from_buffer(KEYS[name][0], b"certainly wrong")
    chain = [unitls.Certificate.from_buffer(der) for der in owner_of(name)]
    with pytest.raises(unitls.ConfigurationError, match="passphrase") as caught:
        config.check_identity(unitls.Identity(chain, key))
    assert "certainly wrong" not in str(caught.value)


PROMPT = """
import os, pty, sys
code = '''
import sys, unitls
context = unitls.get_backend("openssl").server_context()
chain = unitls.load_chain(sys.argv[1])
for password in (b"", b"wrong", lambda: b""):
    try:
        context.register_certificates(chain, unitls.PrivateKey.from_file(sys.argv[2], password))
    except unitls.ConfigurationError:
        continue
    sys.exit("accepted")
print("refused three times")
'''
status = pty.spawn([sys.executable, "-c", code, *sys.argv[1:]])
sys.exit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal of its own")
def test_nothing_ever_asks_for_a_passphrase_on_the_terminal(tmp_path: Path) -> None:
    name = next(name for name in ENCRYPTED if name.startswith("ec-") and b"-----" in KEYS[name][0])
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(IDS.server.certificate_pem)
    key.write_bytes(KEYS[name][0])
    result = subprocess.run(
        [sys.executable, "-c", PROMPT, chain, key],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert result.stdout.split() == b"refused three times".split(), result.stdout + result.stderr
    assert result.returncode == 0


def test_protocols_go_out_as_bytes() -> None:
    settings_context = config.new_context(False)
    native.set_alpn_wire(settings_context, (b"h2", b"http/1.1"))
    import ssl

    outgoing = ssl.MemoryBIO()
    connection = settings_context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=None)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    assert b"\x02h2\x08http/1.1" in outgoing.read()


def test_a_protocol_the_module_cannot_give_back_is_refused() -> None:
    context = unitls.get_backend("openssl").client_context()
    with pytest.raises(unitls.UnsupportedFeature) as caught:
        context.set_inner_protocols([b"\xff\xfe"])
    assert caught.value.feature is unitls.Feature.ALPN
