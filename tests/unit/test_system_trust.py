"""What a Linux system trusts: where it is looked for, and that every backend trusts it and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import unitls
from unitls import CertificateVerificationError, TrustStore, VerifyFailure
from unitls.core import _blocklist, _system_trust
from unitls.core._der import encode
from unitls.core._pem import to_pem
from unitls.core._platform import platform_verifier
from unitls.core._system_trust import system_anchors, system_bundle
from unitls.core._x509 import certificate_fields
from unitls.testing import CertificateAuthority, Issued
from unitls.testing._kit import Drive, Kit, identity_of

HOST = "server.test"
pytestmark = pytest.mark.skipif(platform_verifier() is not None, reason="the platform verifies by itself here")
BACKENDS = [item.name for item in unitls.available_backends() if item.available and item.source == "unitls"]


@dataclass(frozen=True)
class Authority:
    """An authority with a server below an intermediate."""

    root: bytes
    middle: bytes
    server: Issued

    @property
    def pem(self) -> bytes:
        return to_pem(self.root, "CERTIFICATE")


def authority(name: str) -> Authority:
    root = CertificateAuthority.create(name)
    middle = root.intermediate(f"{name}, intermediate")
    return Authority(root.certificate_der, middle.certificate_der, middle.issue(dns_names=[HOST]))


ONE, OTHER = authority("one"), authority("other")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine is looked at."""
    monkeypatch.setattr(_system_trust, "BUNDLES", (str(tmp_path / "usual.pem"), str(tmp_path / "second.pem")))
    monkeypatch.setattr(_system_trust, "FOLDERS", (str(tmp_path / "usual"),))
    monkeypatch.setattr(_blocklist, "SOURCES", (str(tmp_path / "source"),))


@pytest.fixture(params=BACKENDS)
def kit(request: pytest.FixtureRequest) -> Iterator[Kit]:
    made = Kit(unitls.get_backend(request.param), unitls.get_backend("openssl"), Drive.WHOLE, None)
    if made.client_backend.client_context.provider.verifies_by_platform:  # type: ignore[attr-defined]
        pytest.skip("its own verification is the platform's")
    yield made
    made.close()


def failure(kit: Kit, server: Issued, store: TrustStore | None = None) -> VerifyFailure | None:
    """Why a new client with the system's trust refuses a server; `None` if it does not."""
    pair = kit.pair(kit.client(trust_store=store), kit.server(identities=(identity_of(server),)), hostname=HOST)
    error, _ = pair.attempt()
    assert error is None or isinstance(error, CertificateVerificationError), error
    return None if error is None else error.failure


# ---------------------------------------------------------------------------------------------- where it is


def test_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usual, second = tmp_path / "usual.pem", tmp_path / "second.pem"
    assert system_bundle() is None
    second.write_bytes(ONE.pem)
    assert system_bundle() == str(second)
    usual.write_bytes(OTHER.pem)
    assert system_anchors() == ((OTHER.root,), str(usual))
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "any name").write_bytes(ONE.pem)
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert system_anchors() == ((ONE.root,), str(folder))
    monkeypatch.setenv("SSL_CERT_FILE", str(usual))
    assert system_anchors() == ((OTHER.root, ONE.root), f"{usual} and {folder}")
    monkeypatch.delenv("SSL_CERT_DIR")
    assert system_anchors().anchors == (OTHER.root,)


def test_of_a_folder_for_openssl_the_hashed_names_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (first / "README").write_text("-----BEGIN nothing that could be read")
    (first / "a.der").write_bytes(ONE.root)
    (first / "inner").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", os.pathsep.join((str(first), str(second), str(tmp_path / "missing"))))
    assert system_anchors().anchors == (ONE.root,)
    (second / "b.pem").write_bytes(OTHER.pem)
    assert system_anchors().anchors == (ONE.root, OTHER.root)
    (second / "0123abcd.0").symlink_to(first / "a.der")
    (second / "0123abcd.1").symlink_to(first / "gone")
    assert system_anchors().anchors == (ONE.root,)


def test_where_there_is_no_bundle_the_usual_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "one.pem").write_bytes(ONE.pem)
    assert system_anchors() == ((ONE.root,), str(tmp_path / "usual"))


def test_what_is_not_there_or_not_to_be_read_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(unitls.ConfigurationError, match=r"was not found.*ca-certificates"):
        system_anchors()
    bundle = tmp_path / "bundle.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with pytest.raises(unitls.ConfigurationError, match=r"bundle\.pem cannot be read .*SSL_CERT_FILE"):
        system_anchors()
    bundle.write_bytes(b"\n")
    with pytest.raises(unitls.ConfigurationError, match=r"no certificate in .*bundle\.pem"):
        system_anchors()
    bundle.write_bytes(ONE.pem[:-20])
    with pytest.raises(unitls.ConfigurationError, match=r"bundle\.pem: .*not closed"):
        system_anchors()


def test_what_cannot_be_understood_is_left_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(to_pem(encode(0x30, b"\x05\0"), "CERTIFICATE") + ONE.pem + to_pem(OTHER.root, "X509 CRL"))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert system_anchors().anchors == (ONE.root,)


def test_the_usual_places_are_absolute_and_different(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    places = (*_system_trust.BUNDLES, *_system_trust.FOLDERS, *_blocklist.SOURCES)
    assert len(set(places)) == len(places)
    assert all(os.path.isabs(path) for path in places)


# ---------------------------------------------------------------------------------------------- every backend


def test_each_trusts_what_the_system_trusts(kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(ONE.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert failure(kit, ONE.server) is None
    assert failure(kit, OTHER.server) is VerifyFailure.UNKNOWN_ISSUER
    joined = TrustStore.union(TrustStore.system(), TrustStore.from_buffer(OTHER.root))
    assert failure(kit, OTHER.server, joined) is None
    verifier = kit.connected(
        kit.client(trust_store=joined), kit.server(identities=(identity_of(ONE.server),))
    ).client.tls.context.verifier
    library = kit.client_backend.library_version
    assert verifier == f"{library}, with the roots of {bundle} and 1 given anchor"


def test_each_new_context_sees_a_change(kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(ONE.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    assert failure(kit, ONE.server) is None
    bundle.write_bytes(OTHER.pem + b"\n")
    assert failure(kit, ONE.server) is VerifyFailure.UNKNOWN_ISSUER
    assert failure(kit, OTHER.server) is None


def test_each_says_what_is_missing(kit: Kit) -> None:
    client = kit.client(trust_store=TrustStore.system())
    with pytest.raises(unitls.ConfigurationError, match="was not found"):
        kit.pair(client)


# ---------------------------------------------------------------------------------------------- certifi


def test_each_trusts_the_roots_of_certifi(kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    carried = tmp_path / "cacert.pem"
    carried.write_bytes(ONE.pem)
    package = types.ModuleType("certifi")
    package.where = lambda: str(carried)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "certifi", package)
    store = TrustStore.certifi()
    assert failure(kit, ONE.server, store) is None
    assert failure(kit, OTHER.server, store) is VerifyFailure.UNKNOWN_ISSUER


def test_each_takes_the_roots_that_certifi_has_today(kit: Kit) -> None:
    pytest.importorskip("certifi")
    kit.client(trust_store=TrustStore.certifi()).wrap_buffers(unitls.MemoryBuffer(), unitls.MemoryBuffer(), HOST)


def test_without_certifi_it_is_said_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "certifi", None)
    with pytest.raises(unitls.ConfigurationError, match="pip install certifi"):
        TrustStore.certifi()


# ---------------------------------------------------------------------------------------------- what is blocked


def p11_kit_object(der: bytes, distrusted: str, body: bytes = b"") -> bytes:
    """A certificate by its issuer and number, as p11-kit writes it: percent-encoded, the number in DER."""
    fields = certificate_fields(der)
    number = fields.serial_number
    serial = encode(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))
    quoted = {"issuer": fields.issuer, "serial-number": serial}
    lines = [f'{name}: "{"".join(f"%{octet:02X}" for octet in value)}"' for name, value in quoted.items()]
    head = "\n".join(("[p11-kit-object-v1]", 'label: "a name: with = and :"', "class: certificate", *lines))
    return f"{head}\nx-distrusted: {distrusted}\n".encode() + body


BLOCKED: dict[str, Callable[[bytes], dict[str, bytes]]] = {
    "pem": lambda der: {
        "blocklist/a.pem": to_pem(der, "CERTIFICATE"),
        "blocklist/README": b"what is in here is blocked",
    },
    "der, in the folder's old name": lambda der: {"blacklist/a.crt": der},
    "openssl's own format": lambda der: {"blocklist/a.pem": to_pem(der + encode(0x30), "TRUSTED CERTIFICATE")},
    "p11-kit's format": lambda der: {"blocklist/a.p11-kit": p11_kit_object(der, "false")},
    "p11-kit's format, marked": lambda der: {
        "all.p11-kit": p11_kit_object(OTHER.root, "false") + p11_kit_object(der, "true", to_pem(der, "CERTIFICATE"))
    },
    "p11-kit's format, the certificate only": lambda der: {
        "blocklist/a.p11-kit": b"[p11-kit-object-v1]\ntrusted: false\n" + to_pem(der, "CERTIFICATE")
    },
}


def write_all(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize("kind", BLOCKED)
def test_the_forms_of_blocked_certificates(kind: str, tmp_path: Path) -> None:
    assert _blocklist.blocked_certificates() == frozenset()
    write_all(tmp_path / "source", BLOCKED[kind](ONE.middle))
    blocked = _blocklist.blocked_certificates()
    assert _blocklist.is_blocked(ONE.middle, blocked)
    assert not _blocklist.is_blocked(ONE.root, blocked)
    assert not _blocklist.is_blocked(OTHER.root, blocked)
    assert not _blocklist.is_blocked(b"nothing", blocked)


def test_a_list_that_cannot_be_read_is_no_empty_list(tmp_path: Path) -> None:
    write_all(tmp_path / "source", {"blocklist/a.pem": to_pem(ONE.root, "CERTIFICATE")[:-20]})
    with pytest.raises(unitls.ConfigurationError, match=r"a\.pem cannot be read"):
        _blocklist.blocked_certificates()


def test_each_refuses_what_is_blocked(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "usual.pem").write_bytes(ONE.pem + OTHER.pem)
    assert failure(kit, ONE.server) is None
    write_all(tmp_path / "source", BLOCKED["pem"](ONE.middle))
    assert failure(kit, ONE.server) is VerifyFailure.REVOKED
    assert failure(kit, OTHER.server) is None
    (tmp_path / "source" / "blocklist" / "a.pem").unlink()
    write_all(tmp_path / "source", BLOCKED["pem"](ONE.root))
    assert failure(kit, ONE.server) is VerifyFailure.UNKNOWN_ISSUER
    assert failure(kit, OTHER.server) is None


def test_what_the_system_blocks_does_not_bind_anchors_that_were_given(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "usual.pem").write_bytes(OTHER.pem)
    write_all(tmp_path / "source", BLOCKED["pem"](ONE.middle))
    joined = TrustStore.union(TrustStore.system(), TrustStore.from_buffer(ONE.root))
    assert failure(kit, ONE.server, joined) is None
    (tmp_path / "usual.pem").write_bytes(ONE.pem + OTHER.pem)
    given = TrustStore.union(TrustStore.system(), TrustStore.from_buffer(OTHER.root))
    assert failure(kit, ONE.server, given) is VerifyFailure.REVOKED


# ---------------------------------------------------------------------------------------------- update-ca-certificates


@dataclass(frozen=True)
class Debian:
    """The tool of Debian's, in a folder of its own: it has the authority "one" to choose from, "other" comes from here."""

    tool: str
    folder: Path

    def update(self, configuration: str, *, with_other: bool) -> Path:
        """Run it anew; returns the folder that it has filled."""
        where = {name: self.folder / name for name in ("certsdir", "localcertsdir", "etccertsdir", "hooksdir")}
        for path in where.values():
            path.mkdir(exist_ok=True)
        (where["certsdir"] / "one.crt").write_bytes(ONE.pem)
        (where["localcertsdir"] / "other.crt").unlink(missing_ok=True)
        if with_other:
            (where["localcertsdir"] / "other.crt").write_bytes(OTHER.pem)
        chosen = self.folder / "ca-certificates.conf"
        chosen.write_text(configuration)
        options = [part for name, path in where.items() for part in (f"--{name}", str(path))]
        subprocess.run(
            [self.tool, "--fresh", "--certsconf", str(chosen), *options],
            check=True, capture_output=True, timeout=100, env={**os.environ, "TMPDIR": str(self.folder)},
        )  # fmt: skip
        return where["etccertsdir"]


@pytest.fixture(scope="module")
def stages(need_program: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The store after each of three runs."""
    # Debian has it in a folder that is on the administrator's path only.
    tool = shutil.which("update-ca-certificates", path="/usr/sbin") or need_program("update-ca-certificates")
    found = {}
    for name, configuration, with_other in (
        ("chosen", "one.crt\n", False), ("added", "one.crt\n", True), ("deselected", "!one.crt\n", True),
    ):  # fmt: skip
        found[name] = Debian(tool, tmp_path_factory.mktemp(name)).update(configuration, with_other=with_other)
    return found


@pytest.mark.parametrize("named", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_a_root_that_was_added_is_trusted_and_one_deselected_is_not(
    kit: Kit, stages: dict[str, Path], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected: dict[str, tuple[Any, Any]] = {
        "chosen": (None, VerifyFailure.UNKNOWN_ISSUER),
        "added": (None, None),
        "deselected": (VerifyFailure.UNKNOWN_ISSUER, None),
    }
    for stage, results in expected.items():
        folder = stages[stage]
        monkeypatch.setenv(named, str(folder / "ca-certificates.crt" if named == "SSL_CERT_FILE" else folder))
        assert (failure(kit, ONE.server), failure(kit, OTHER.server)) == results, stage
