"""Keys and certificates in a token, with SoftHSM2: each test talks to it from a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from _link import IDS

pytest.importorskip("unitls.backends.gnutls", reason="GnuTLS or cffi is not installed")
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

import unitls

_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so")
_MODULE = next((path for path in _MODULES if os.path.exists(path)), None)
_PIN = "4711"
_NEEDED = pytest.mark.skipif(
    not (_MODULE and shutil.which("softhsm2-util") and shutil.which("pkcs11-tool")),
    reason="SoftHSM2 and OpenSC's pkcs11-tool are needed",
)
_FEATURE = pytest.mark.skipif(
    not unitls.get_backend("gnutls").capabilities.supports(unitls.Feature.PKCS11), reason="this GnuTLS has no p11-kit"
)
pytestmark = [_NEEDED, _FEATURE, pytest.mark.timeout(300)]

_PRELUDE = """
import sys
import pytest
import unitls
sys.path.insert(0, {here!r})
from _link import IDS, TRUST, Link
from unitls import Certificate, Identity, PrivateKey, TLSVersion

backend = unitls.get_backend("gnutls")
MODULE = {module!r}

def uri(name, kind):
    return f"pkcs11:token=unitls;object={{name}};type={{kind}}"

def identity(name, pin=b"4711", suffix=""):
    key = PrivateKey.from_pkcs11(uri(name, "private") + suffix, pin)
    return Identity([Certificate.from_pkcs11(uri(name, "cert") + suffix)], key)

def link(server, client=(), **changes):
    configuration = unitls.TLSClientConfiguration(trust_store=TRUST, identities=client, **changes)
    return Link(backend.client_context(configuration), backend.server_context(server)).handshake()
"""


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a new token that holds an EC and an RSA key with their certificates."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    environment = {**os.environ, "SOFTHSM2_CONF": str(configuration)}
    _run(environment, "softhsm2-util", "--init-token", "--free", "--label", "unitls", "--so-pin", "1234", "--pin", _PIN)
    for number, (name, issued) in enumerate({"ec": IDS.server, "rsa": IDS.rsa_server, "client": IDS.client}.items()):
        key = load_pem_private_key(issued.key_pem, None)
        content = {
            "privkey": key.private_bytes(Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
            "cert": issued.chain[0],
        }
        for kind, data in content.items():
            path = folder / f"{name}.{kind}"
            path.write_bytes(data)
            options = ("--write-object", path, "--type", kind, "--id", f"0{number}", "--label", name)
            _run(environment, "pkcs11-tool", "--module", _MODULE, "--login", "--pin", _PIN, *options)
    return configuration


def _run(environment: dict[str, str], *command: object) -> str:
    done = subprocess.run(
        [str(item) for item in command], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def _python(token: Path, program: str) -> None:
    prelude = _PRELUDE.format(here=str(Path(__file__).parent), module=_MODULE)
    _run({**os.environ, "SOFTHSM2_CONF": str(token)}, sys.executable, "-c", prelude + program)


@pytest.mark.parametrize("name", ["ec", "rsa"])
def test_a_server_whose_key_is_in_a_token(token: Path, name: str) -> None:
    _python(
        token,
        f"""
for version in (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3):
    server = unitls.TLSServerConfiguration(identities=(identity({name!r}),), upper_bound=version)
    found = link(server)
    assert found.client.getpeercert() == IDS.{"server" if name == "ec" else "rsa_server"}.chain[0]
    assert found.client.negotiated_tls_version is version
""",
    )


def test_a_client_whose_key_is_in_a_token(token: Path) -> None:
    _python(
        token,
        """
from _link import identity as in_memory
server = unitls.TLSServerConfiguration(
    identities=(in_memory(),), client_authentication=unitls.ClientAuthentication.REQUIRED, trust_store=TRUST
)
asked = []
found = link(server, (identity("client", lambda: asked.append(1) or b"4711"),))
assert found.server.getpeercert() == IDS.client.chain[0]
assert asked == [1], "the PIN is asked for once"
""",
    )


def test_what_is_wrong_with_a_token_is_said_when_it_is_configured(token: Path) -> None:
    _python(
        token,
        """
def refused(identity, text):
    with pytest.raises(unitls.ConfigurationError, match=text) as caught:
        backend.server_context(unitls.TLSServerConfiguration(identities=(identity,)))
    assert "0000" not in str(caught.value) and "4711" not in str(caught.value)

refused(identity("ec", b"0000"), "PIN")
refused(identity("ec", None), "PIN")
refused(identity("nothing"), "certificate pkcs11:token=unitls;object=nothing")
refused(Identity(identity("ec").certificates, PrivateKey.from_pkcs11(uri("nothing", "private"), b"4711")), "no such key")
refused(Identity(identity("ec").certificates, identity("rsa").private_key), "does not belong")
link(unitls.TLSServerConfiguration(identities=(identity("ec"),)))  # one wrong PIN has not locked the token
""",
    )


def test_a_module_that_the_uri_names(token: Path) -> None:
    _python(
        token,
        """
link(unitls.TLSServerConfiguration(identities=(identity("ec", suffix=f"?module-path={MODULE}"),)))
with pytest.raises(unitls.ConfigurationError):
    backend.server_context(unitls.TLSServerConfiguration(identities=(identity("ec", suffix="?module-path=/nowhere.so"),)))
""",
    )


def test_a_pin_in_the_uri(token: Path) -> None:
    _python(
        token,
        """
link(unitls.TLSServerConfiguration(identities=(identity("ec", None, "?pin-value=4711"),)))
known = Certificate.from_buffer(IDS.server.chain[0])
missing = [f"pkcs11:token=unitls;object=none;type={kind}?pin-value=4711" for kind in ("cert", "private")]
for certificate, key in ((Certificate.from_pkcs11(missing[0]), missing[1]), (known, missing[1])):
    with pytest.raises(unitls.ConfigurationError, match="none") as caught:
        identities = (Identity([certificate], PrivateKey.from_pkcs11(key)),)
        backend.server_context(unitls.TLSServerConfiguration(identities=identities))
    assert "4711" not in str(caught.value), "the PIN is not shown"
""",
    )


def test_certificates_in_tokens_are_known(token: Path) -> None:
    """By name, and for the channel binding of a server (RFC 5929 section 4)."""
    _python(
        token,
        """
both = (identity("client"), identity("ec"))
found = link(unitls.TLSServerConfiguration(identities=both))
assert found.client.getpeercert() == IDS.server.chain[0], "the second, which has the name"
kind = "tls-server-end-point"
assert found.client.get_channel_binding(kind) == found.server.get_channel_binding(kind) != None
""",
    )
