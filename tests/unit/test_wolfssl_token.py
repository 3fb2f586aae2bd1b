"""Keys and certificates in a PKCS#11 token, with SoftHSM2: each test talks to it from a process of its own."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from _link import IDS

import unitls

pytest.importorskip("unitls.backends.wolfssl", reason="wolfSSL is not installed", exc_type=ImportError)
pytest.importorskip("cryptography")
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from unitls.backends.wolfssl._token import Address

_PLACES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
_MODULE = next((path for path in _PLACES if os.path.exists(path)), None)
_PIN = "4711"
needs_token = pytest.mark.skipif(
    not (_MODULE and shutil.which("softhsm2-util") and shutil.which("pkcs11-tool")),
    reason="SoftHSM2 and OpenSC's pkcs11-tool are needed",
)
needs_proxy = pytest.mark.skipif(
    not glob.glob("/usr/lib/*/p11-kit-proxy.so") or not os.path.exists("/usr/share/p11-kit/modules/softhsm2.module"),
    reason="p11-kit's proxy, with SoftHSM2 set up for it, is needed",
)
_PRELUDE = """
import gc, sys, threading
import pytest
import unitls
sys.path.insert(0, {here!r})
from _link import IDS, TRUST, Link
from unitls import Certificate, Identity, PrivateKey, TLSVersion

backend = unitls.get_backend("wolfssl")
MODULE = {module!r}

def identity(what, pin=b"4711", leaf=IDS.server.chain[0]):
    key = PrivateKey.from_pkcs11(f"pkcs11:token=unitls;{{what}}?module-path={{MODULE}}", pin)
    return Identity([Certificate.from_buffer(leaf)], key)

def server(*identities, **values):
    return backend.server_context(unitls.TLSServerConfiguration(identities=identities, **values))

def client(**values):
    return backend.client_context(unitls.TLSClientConfiguration(trust_store=TRUST, **values))

def refused(text, what, *arguments, **values):
    with pytest.raises(unitls.ConfigurationError, match=text):
        server(identity(what, *arguments, **values))
"""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a new token that holds an EC and an RSA key, and the EC key's certificate."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
    for label in ("another", "unitls"):
        run(environment, "softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "1234", "--pin", _PIN)
    for number, (name, issued) in enumerate({"ec": IDS.server, "rsa": IDS.rsa_server, "client": IDS.client}.items()):
        path = folder / f"{name}.key"
        key = load_pem_private_key(issued.key_pem, None)
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        command = ("softhsm2-util", "--import", path, "--token", "unitls", "--label", name, "--id", f"A{number}")
        run(environment, *command, "--pin", _PIN)
    path = folder / "ec.cert"
    path.write_bytes(IDS.server.chain[0])
    options = ("--module", _MODULE, "--token-label", "unitls", "--login", "--pin", _PIN, "--write-object", path)
    run(environment, "pkcs11-tool", *options, "--type", "cert", "--label", "ec", "--id", "A0")
    return configuration


def run(environment: dict[str, str], *command: object) -> None:
    words = [str(item) for item in command]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def python(token: Path, program: str, **environment: str) -> None:
    prelude = _PRELUDE.format(here=str(Path(__file__).parent), module=_MODULE)
    run({**os.environ, "SOFTHSM2_CONF": str(token), **environment}, sys.executable, "-c", prelude + program)


@needs_token
@pytest.mark.parametrize("name", ["ec", "rsa"])
@pytest.mark.parametrize("how", ["object={name}", "id=%A{number}", "object={name};id=%A{number}"])
def test_a_server_whose_key_is_in_a_token(token: Path, name: str, how: str) -> None:
    what = how.format(name=name, number=["ec", "rsa"].index(name))
    leaf = "IDS.server" if name == "ec" else "IDS.rsa_server"
    python(
        token,
        f"""
context = server(identity({what!r}, leaf={leaf}.chain[0]))
for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
    link = Link(client(lower_bound=version, upper_bound=version), context).handshake()
    assert link.client.getpeercert() == {leaf}.chain[0]
""",
    )


@needs_token
def test_a_client_whose_key_is_in_a_token(token: Path) -> None:
    python(
        token,
        """
required = unitls.ClientAuthentication.REQUIRED
plain = Identity([Certificate.from_buffer(IDS.server.chain[0])], PrivateKey.from_buffer(IDS.server.key_pem))
two = server(plain, client_authentication=required, trust_store=TRUST)
one = client(identities=(identity("object=client", leaf=IDS.client.chain[0]),))
assert Link(one, two).handshake().server.getpeercert() == IDS.client.chain[0]
""",
    )


@needs_token
def test_a_certificate_in_a_token(token: Path) -> None:
    python(
        token,
        """
leaf = Certificate.from_pkcs11(f"pkcs11:token=unitls;object=ec?module-path={MODULE}")
context = server(Identity([leaf], identity("object=ec").private_key))
link = Link(client(), context).handshake()
assert link.client.getpeercert() == IDS.server.chain[0]
binding = link.server.get_channel_binding("tls-server-end-point")
assert binding is not None, "the server knows its own certificate too"
assert binding == link.client.get_channel_binding("tls-server-end-point")
missing = Certificate.from_pkcs11(f"pkcs11:token=unitls;object=rsa?module-path={MODULE}")
with pytest.raises(unitls.ConfigurationError, match="no such certificate"):
    server(Identity([missing], identity("object=rsa").private_key))
""",
    )


@needs_token
def test_what_is_not_there_is_said_when_it_is_configured(token: Path) -> None:
    python(
        token,
        """
refused("refuses the PIN", "object=ec", b"0000")
refused("no such key", "object=nothing")
refused("no such key", "object=ec;id=%A1")
refused("names no key", "type=private")
refused("does not belong", "object=rsa")
refused("does not belong", "object=client")
refused("no token", "serial=none;object=ec")
refused("without a value", "object")
kept = Link(client(), server(identity("object=ec"))).handshake()
refused("PIN is not the one", "object=ec", b"0000")
server(identity("object=rsa", leaf=IDS.rsa_server.chain[0]))
key = PrivateKey.from_pkcs11("pkcs11:object=ec?module-path=/nonexistent.so", b"4711")
with pytest.raises(unitls.ConfigurationError, match="no PKCS#11 module"):
    server(Identity([Certificate.from_buffer(IDS.server.chain[0])], key))
""",
    )


@needs_token
def test_a_pin_in_the_uri_or_in_a_file(token: Path, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text(f"{_PIN}\n")
    python(
        token,
        f"""
for query in ("pin-value=4711", "pin-source=file:{tmp_path / "pin"}", "pin-source={tmp_path / "pin"}"):
    key = PrivateKey.from_pkcs11(f"pkcs11:token=unitls;object=ec?module-path={{MODULE}}&{{query}}")
    server(Identity([Certificate.from_buffer(IDS.server.chain[0])], key))
    gc.collect()
""",
    )


@needs_token
def test_the_module_may_be_named_by_the_environment(token: Path) -> None:
    assert _MODULE is not None
    program = """
key = PrivateKey.from_pkcs11("pkcs11:token=unitls;object=ec", b"4711")
server(Identity([Certificate.from_buffer(IDS.server.chain[0])], key))
"""
    python(token, program, PKCS11_MODULE_PATH=_MODULE)


@needs_token
def test_many_contexts_and_threads_share_a_token(token: Path) -> None:
    """The library has room for eight tokens, and would log in and out for each signature."""
    python(
        token,
        """
contexts = [server(identity("object=ec")) for _ in range(12)]
errors = []
one = client()

def work():
    try:
        for context in contexts[:6]:
            Link(one, context).handshake()
    except BaseException as error:
        errors.append(error)

threads = [threading.Thread(target=work) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not errors, errors
del contexts
gc.collect()
for _ in range(20):
    Link(one, server(identity("object=ec"))).handshake()
    gc.collect()
""",
    )


@needs_token
@needs_proxy
def test_without_a_path_the_modules_of_the_system_are_asked(token: Path) -> None:
    """p11-kit's proxy, which exports nothing but the list of its functions."""
    python(
        token,
        """
key = PrivateKey.from_pkcs11("pkcs11:token=unitls;object=ec", b"4711")
context = server(Identity([Certificate.from_pkcs11("pkcs11:token=unitls;object=ec")], key))
assert Link(client(), context).handshake().client.getpeercert() == IDS.server.chain[0]
""",
    )


@needs_token
def test_what_is_no_module_is_refused(token: Path) -> None:
    program = """
with pytest.raises(unitls.ConfigurationError, match="no PKCS#11 module"):
    leaf = Certificate.from_pkcs11("pkcs11:object=ec?module-path=libm.so.6")
    server(Identity([leaf], PrivateKey.from_buffer(IDS.server.key_pem)))
"""
    python(token, program)


@pytest.mark.parametrize(
    "what", ["object=a;library-version=3", "object=a;slot-description=b", "object=a?x-y=z", "slot-id=a"]
)
def test_nothing_in_an_address_is_ignored(what: str) -> None:
    with pytest.raises(unitls.ConfigurationError, match=r"not followed|no number"):
        Address(f"pkcs11:{what}")


def test_addresses_are_read() -> None:
    address = Address("pkcs11:token=My%20token;id=%01%02;object=a?pin-value=x%3By&module-path=/m.so")
    assert address.get("token") == b"My token"
    assert address.get("id") == b"\1\2"
    assert address.get("serial") is None
    assert address.pin(None) == b"x;y"
    assert address.pin(b"given") == b"given"
    assert address.module == "/m.so"
    assert Address("pkcs11:object=a").pin(None) == b""
    with pytest.raises(unitls.ConfigurationError):
        Address("pkcs11:token=x;object")
