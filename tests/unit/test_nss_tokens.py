"""PKCS#11 tokens (SoftHSM) and databases of NSS, each run in a process of its own: modules are loaded for good."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _link import IDS, Link
from _nss import BACKEND, HOST, client, identity, trust

import unitls
from unitls.backends.nss._pkcs11_uri import parse_uri
from unitls.core._keys import to_pkcs8
from unitls.core._pem import to_pem
from unitls.core._values import NeutralPrivateKey

_PIN = "31337"
_NAMES = ("ec", "rsa", "client")
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
)
_SCRIPT = """
import sys
from _link import IDS, Link, TRUST, identity
import unitls
backend = unitls.get_backend("nss")
certificate, key, pin = sys.argv[1:4]
issued = {"ec": IDS.server, "rsa": IDS.rsa_server, "client": IDS.client}
if certificate in issued:
    chain = [unitls.Certificate.from_buffer(der) for der in issued[certificate].chain]
else:
    chain = [unitls.Certificate.from_pkcs11(certificate)]
client, server = {"trust_store": TRUST}, {"identities": (identity(),)}
try:
    ours = unitls.Identity(chain, unitls.PrivateKey.from_pkcs11(key, pin.encode() if pin else None))
    if certificate == "client":
        client["identities"] = (ours,)
        server |= {"trust_store": TRUST, "client_authentication": unitls.ClientAuthentication.REQUIRED}
    else:
        server["identities"] = (ours,)
    caller = backend.client_context(unitls.TLSClientConfiguration(**client))
    answerer = backend.server_context(unitls.TLSServerConfiguration(**server))
    for bound in (unitls.TLSVersion.TLSv1_2, unitls.TLSVersion.TLSv1_3):
        caller.set_version_range(bound, bound)
        link = Link(caller, answerer).handshake()
        shown = (link.server if certificate == "client" else link.client).getpeercert()
        assert shown == issued.get(certificate, IDS.server).chain[0]
    print("connected")
except unitls.ConfigurationError as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory, need_program: Callable[..., str]) -> tuple[Path, str]:
    """A token with EC keys and an RSA key; the file that configures it, and the module."""
    folder, program = tmp_path_factory.mktemp("softhsm"), need_program("softhsm2-util")
    module = next((path for path in _MODULES if Path(path).exists()), None)
    if module is None:
        pytest.skip("the module of SoftHSM is not installed")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    common = ["--pin", _PIN]

    def run(*command: str) -> None:
        environment = {"SOFTHSM2_CONF": str(configuration), "PATH": "/usr/bin:/bin"}
        subprocess.run(command, env=environment, check=True, capture_output=True, timeout=100)

    run(program, "--init-token", "--free", "--label", "unitls test", "--so-pin", "5678", *common)
    for number, (name, issued) in enumerate(zip(_NAMES, (IDS.server, IDS.rsa_server, IDS.client), strict=True)):
        key = unitls.PrivateKey.from_buffer(issued.key_pem)
        assert isinstance(key, NeutralPrivateKey)
        assert key.material is not None
        path = folder / f"{name}.pem"
        path.write_bytes(to_pem(to_pkcs8(key.material), "PRIVATE KEY"))
        label, identifier = f"{name} key", f"a{number}"
        run(program, "--import", str(path), "--token", "unitls test", "--label", label, "--id", identifier, *common)
    return configuration, module


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory, need_program: Callable[..., str]) -> Path:
    """A database of NSS with a certificate and its key, protected by a password."""
    certutil, pk12util = need_program("certutil"), need_program("pk12util")
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.serialization import pkcs12

    folder = tmp_path_factory.mktemp("nssdb")
    (folder / "password").write_text("secret\n")
    key = serialization.load_pem_private_key(IDS.server.key_pem, None)
    leaf = x509.load_der_x509_certificate(IDS.server.chain[0])
    bundle = pkcs12.serialize_key_and_certificates(
        b"our server",
        key,
        leaf,
        None,
        serialization.BestAvailableEncryption(b"p12"),  # type: ignore[arg-type]
    )
    (folder / "identity.p12").write_bytes(bundle)
    where = ["-d", f"sql:{folder}"]
    for command in (
        [certutil, "-N", *where, "-f", str(folder / "password")],
        [pk12util, "-i", str(folder / "identity.p12"), *where, "-W", "p12", "-k", str(folder / "password")],
    ):
        subprocess.run(command, check=True, capture_output=True, timeout=100)
    return folder


def said(certificate: str, key: str, pin: str = "", configuration: Path | None = None) -> str:
    """What a process says that uses a key, and ends as it should."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, certificate, key, pin],
        cwd=Path(__file__).parent,
        env={"SOFTHSM2_CONF": str(configuration), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr  # SoftHSM crashes where it is not told of the end
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["ec", "rsa", "client"])
@pytest.mark.parametrize("what", ["object={0}%20key", "id=%a{1}", "object={0}%20key;id=%a{1};type=private"])
def test_key_in_a_token(softhsm: tuple[Path, str], name: str, what: str) -> None:
    """By label, by identifier and by both; a server's key and a client's, in TLS 1.2 and 1.3."""
    configuration, module = softhsm
    uri = f"pkcs11:token=unitls%20test;{what.format(name, _NAMES.index(name))}?module-path={module}"
    assert said(name, uri, _PIN, configuration) == "connected"


def test_modules_of_p11_kit(softhsm: tuple[Path, str]) -> None:
    """Without module-path, p11-kit knows the modules; the PIN may stand in the URI."""
    answer = said("ec", f"pkcs11:token=unitls%20test;object=ec%20key?pin-value={_PIN}", "", softhsm[0])
    if "p11-kit-proxy" in answer:
        pytest.skip("p11-kit is not installed")
    assert answer == "connected"


@pytest.mark.parametrize(
    ("certificate", "uri", "pin", "text"),
    [
        ("ec", "pkcs11:token=unitls%20test;object=ec%20key", "wrong", "does not take the PIN"),
        ("ec", "pkcs11:token=unitls%20test;object=none", _PIN, "there is no private key"),
        ("ec", "pkcs11:token=none", _PIN, "there is no PKCS#11 token"),
        ("ec", "pkcs11:token=unitls%20test;object=rsa%20key", _PIN, "does not belong to the leaf certificate"),
        ("ec", "pkcs11:token=unitls%20test", _PIN, "several"),
        ("pkcs11:token=unitls%20test;object=none", "pkcs11:token=unitls%20test", _PIN, "there is no certificate"),
    ],
)
def test_what_is_not_there(softhsm: tuple[Path, str], certificate: str, uri: str, pin: str, text: str) -> None:
    """Each mistake is told for what it is."""
    configuration, module = softhsm
    where = f"?module-path={module}"
    answer = said(certificate + where if ":" in certificate else certificate, uri + where, pin, configuration)
    assert "ConfigurationError" in answer
    assert text in answer
    assert _PIN not in answer


def test_missing_module() -> None:
    answer = said("ec", "pkcs11:token=any?module-path=/nonexistent/module.so", _PIN)
    assert "ConfigurationError" in answer
    assert "cannot be loaded" in answer


def test_database(database: Path) -> None:
    """The certificate and the key of a nickname; the password is wanted for the key."""
    uri = f"pkcs11:object=our%20server?configdir={database}"
    assert said(uri, uri, "secret") == "connected"
    assert "does not take the PIN" in said(uri, uri, "wrong")
    other = f"pkcs11:object=other?configdir={database}"
    assert "there is no certificate" in said(other, uri, "secret")
    assert "31337" not in said(other + "&pin-value=31337", uri, "secret"), "a PIN is not shown"
    nowhere = f"pkcs11:object=our%20server?configdir={database / 'nowhere'}"
    assert "there is no NSS database" in said(nowhere, nowhere)


def test_uri() -> None:
    """What is read is followed; what would be ignored is refused."""
    uri = parse_uri("pkcs11:token=a%20b;serial=12;object=key;id=%01%ff;type=private?module-path=/m.so&pin-value=1%2F2")
    assert (uri.token, uri.label) == ({"token": "a b", "serial": "12"}, "key")
    assert (uri.identifier, uri.module, uri.pin) == (b"\x01\xff", "/m.so", b"1/2")
    assert "1/2" not in repr(uri)
    for wrong in (
        "pkcs11:token=a;token=b",
        "pkcs11:token",
        "pkcs11:slot-id=3",
        "pkcs11:colour=red",
        "pkcs11:?pin-colour=red",
        "pkcs11:?module-path=/m.so&configdir=/d",
    ):
        with pytest.raises(unitls.ConfigurationError):
            parse_uri(wrong)


def test_pin_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pin"
    path.write_text("4711\n")
    assert parse_uri(f"pkcs11:?pin-source=file:{path}").pin == b"4711"
    with pytest.raises(OSError, match="nothing"):
        parse_uri(f"pkcs11:?pin-source={tmp_path / 'nothing'}")


def test_a_certificate_in_a_token_is_chosen_by_its_names(database: Path) -> None:
    where = f"pkcs11:object=our%20server?configdir={database}"
    stored = unitls.Identity([unitls.Certificate.from_pkcs11(where)], unitls.PrivateKey.from_pkcs11(where, b"secret"))
    answerer = BACKEND.server_context(unitls.TLSServerConfiguration(identities=(identity(IDS.second_server), stored)))
    link = Link(client(trust(IDS.authority)), answerer, host=HOST).handshake()
    assert link.client.getpeercert() == IDS.server.chain[0]
    missing = unitls.Certificate.from_pkcs11(f"pkcs11:object=none?configdir={database}")
    with pytest.raises(unitls.ConfigurationError, match="there is no certificate"):
        BACKEND.server_context(
            unitls.TLSServerConfiguration(identities=(unitls.Identity([missing], stored.private_key),))
        )
