"""SChannel's structures, credentials, keys and chains, over scripted libraries."""

from __future__ import annotations

import ctypes
import gc
import hashlib
import importlib
import io
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from _schannel import IDENTITIES, LEAF, Windows, windows

import unitls
from unitls import Certificate, Feature, Identity, PrivateKey, TLSVersion, TrustStore, VerifyFailure
from unitls.backends import schannel
from unitls.backends.schannel import _certificate_structures as cs
from unitls.backends.schannel import _structures as ss
from unitls.backends.schannel import config, errors, native
from unitls.backends.schannel._buffer import RecordBuffer
from unitls.backends.schannel._channel import alpn_blob
from unitls.backends.schannel._keys import private_key_blob
from unitls.platforms.windows import _structures as ws
from unitls.platforms.windows._chains import ChainEngine, Found, cut_at_anchor
from unitls.platforms.windows._verdict import Policy, judge
from unitls.testing._kit import identity_of

ROOT = IDENTITIES.authority.certificate_der
TRUST = TrustStore.from_buffer(IDENTITIES.ca_pem)
CHAIN = IDENTITIES.second_server.chain


@pytest.mark.skipif(ctypes.sizeof(ctypes.c_void_p) != 8, reason="the sizes are those of 64 bits")
@pytest.mark.parametrize(
    ("structure", "size"),
    [
        (ss.SecHandle, 16), (ss.SecBuffer, 16), (ss.SecBufferDesc, 16), (ss.SchannelCred, 80),
        (ss.SchCredentials, 72), (ss.TLSParameters, 40), (ss.StreamSizes, 20), (ss.ConnectionInfo, 28),
        (ss.ApplicationProtocol, 264), (ss.ChannelBindings, 32), (ws.CertContext, 40), (cs.KeyProvider, 48),
        (ws.ChainEngineConfig, 80), (ws.ChainPara, 32), (ws.ChainContext, 24), (ws.SimpleChain, 40),
        (ws.ChainElement, 56), (ws.PolicyPara, 16), (ws.SSLExtra, 24), (ws.PolicyStatus, 24), (ws.FileTime, 8),
    ],
)  # fmt: skip
def test_sizes_of_structures(structure: type[ctypes.Structure], size: int) -> None:
    assert ctypes.sizeof(structure) == size


def test_size_of_cipher_info() -> None:
    wide = 5 * 64 * (ctypes.sizeof(ctypes.c_wchar) - 2)  # a wchar_t of Windows has two bytes
    assert ctypes.sizeof(ss.CipherInfo) - wide == 680


@pytest.mark.skipif(sys.platform == "win32", reason="there it can be used")
def test_elsewhere_the_backend_says_why_not() -> None:
    with pytest.raises(ImportError, match="not Windows"):
        _ = schannel.BACKEND
    status = next(item for item in unitls.available_backends() if item.name == "schannel")
    assert not status.available
    assert "Windows" in status.reason
    with pytest.raises(unitls.ConfigurationError, match="not Windows") as caught:
        unitls.get_backend("schannel")
    assert "schannel" not in str(caught.value).partition("Available")[2]
    with pytest.raises(AttributeError):
        _ = schannel.NOTHING  # type: ignore[attr-defined]


def test_with_windows_it_is_there() -> None:
    with windows(build=19045):
        backend = unitls.get_backend("schannel")
        assert backend.library_version == "SChannel of Windows (build 19045)"
        assert backend.capabilities.versions == (TLSVersion.TLSv1_2,)
        assert "Windows 11" in backend.capabilities.reason(Feature.VERSIONS)
        assert backend.capabilities.supports(Feature.SERVER)
        assert any("not yet seen on Windows" in note for note in backend.capabilities.notes)
        context = backend.client_context()
        assert 0xC02B in context.ciphers
        assert context.backend is backend
    with windows():
        assert unitls.get_backend("schannel").capabilities.versions == (TLSVersion.TLSv1_2, TLSVersion.TLSv1_3)


@pytest.mark.parametrize(("wine", "served"), [("8.0", False), ("9.21", False), ("10.0", True), ("11", True)])
def test_which_wine_has_a_server(wine: str, served: bool) -> None:
    with windows(wine=wine):
        capabilities = unitls.get_backend("schannel").capabilities
        assert capabilities.supports(Feature.SERVER) is served
        assert capabilities.versions == (TLSVersion.TLSv1_2,)


# ---------------------------------------------------------------------------------------------- credentials


def _build(**changes: Any) -> config.Native:
    context = schannel.backend().client_context(unitls.TLSClientConfiguration(trust_store=TRUST, **changes))
    native: config.Native = context._natives.get()
    return native


@pytest.mark.parametrize(
    ("build", "bounds", "bits"),
    [
        (17763, {}, 0x800),
        (22000, {}, 0x2800),
        (22000, {"lower_bound": TLSVersion.TLSv1_3}, 0x2000),
        (22000, {"upper_bound": TLSVersion.TLSv1_2}, 0x800),
    ],
)
def test_new_credentials_disable_every_other_version(build: int, bounds: dict[str, Any], bits: int) -> None:
    with windows(build) as machine:
        kept = _build(**bounds)
        assert machine.secur32.credential.version == 5
        assert machine.secur32.disabled == ~bits & 0xFFFFFFFF
        assert machine.secur32.credential.flags == 0x400018
        del kept


@pytest.mark.parametrize(("build", "wine"), [(7601, ""), (17134, ""), (22000, "8.0")])
def test_old_credentials_enable_one_version(build: int, wine: str) -> None:
    with windows(build, wine) as machine:
        kept = _build()
        assert machine.secur32.credential.version == 4
        assert machine.secur32.credential.enabled_protocols == 0x800
        del kept


@pytest.mark.parametrize("code", sorted(errors._CONFIGURATION))
def test_refused_credentials(code: int) -> None:
    with windows() as machine:
        machine.secur32.refusal = code
        with pytest.raises(unitls.ConfigurationError) as caught:
            schannel.backend().client_context(
                unitls.TLSClientConfiguration(trust_store=TRUST, identities=(identity_of(IDENTITIES.client),))
            )
        assert caught.value.native_code == code
        gc.collect()
        assert not machine.ncrypt.keys, "the key does not stay"


def test_a_list_of_protocols() -> None:
    assert alpn_blob([b"h2", b"x"]) == bytes.fromhex("0b000000 02000000 0500 026832 0178")


# ---------------------------------------------------------------------------------------------- keys


def _identity(name: str) -> Identity:
    return identity_of(getattr(IDENTITIES, name))


@pytest.mark.parametrize("name", ["client", "rsa_server"])
def test_a_key_goes_to_cng_and_away_again(name: str) -> None:
    with windows() as machine:
        kept: Any = _build(identities=(_identity(name),))
        gc.collect()
        (container,) = machine.ncrypt.keys
        assert container.startswith("unitls-")
        assert machine.crypt32.providers[-1] == (container, "Microsoft Software Key Storage Provider", 0)
        assert machine.secur32.credential.certificate_count == 1
        del kept
        gc.collect()
        assert not machine.ncrypt.keys
        assert machine.ncrypt.open == machine.crypt32.open == 0


def test_an_rsa_key_goes_the_old_way_where_cng_refuses() -> None:
    with windows() as machine:
        machine.ncrypt.refusal = 0x80090027 - (1 << 32)
        kept: Any = _build(identities=(_identity("rsa_server"),))
        gc.collect()
        (container,) = machine.advapi32.containers
        assert machine.crypt32.providers[-1][:2] == (container, cs.RSA_AES_PROVIDER)
        assert machine.advapi32.blobs[-1][:12] == bytes.fromhex("0702000000a4000052534132")
        del kept
        gc.collect()
        assert not machine.advapi32.containers


def test_another_key_is_refused_with_what_cng_has_said() -> None:
    with windows() as machine:
        machine.ncrypt.refusal = 0x80090027 - (1 << 32)
        with pytest.raises(unitls.ConfigurationError, match="NCryptImportKey says 0x80090027"):
            _build(identities=(_identity("client"),))
        machine.advapi32.refuses = True
        with pytest.raises(unitls.ConfigurationError, match="CryptImportKey"):
            _build(identities=(_identity("rsa_server"),))
        assert not machine.advapi32.containers
        gc.collect()
        assert machine.crypt32.open == 0


def test_a_certificate_that_does_not_take_its_key() -> None:
    with windows() as machine:
        machine.crypt32.refuses.add("CertSetCertificateContextProperty")
        with pytest.raises(unitls.ConfigurationError, match="CertSetCertificateContextProperty"):
            _build(identities=(_identity("client"),))
        gc.collect()
        assert not machine.ncrypt.keys


def test_a_blob_holds_the_numbers() -> None:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(IDENTITIES.rsa_server.key_pem, None)
    assert isinstance(key, RSAPrivateKey)
    blob = private_key_blob(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    assert blob is not None
    numbers = key.private_numbers()
    size = key.key_size // 8
    assert int.from_bytes(blob[12:16], "little") == key.key_size
    assert int.from_bytes(blob[20 : 20 + size], "little") == numbers.public_numbers.n
    assert int.from_bytes(blob[20 + size : 20 + size + size // 2], "little") == numbers.p
    assert int.from_bytes(blob[-size:], "little") == numbers.d
    assert len(blob) == 20 + 2 * size + 5 * size // 2


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag,)) + (octets if 0 < size < 128 else bytes((0x80 | len(octets),)) + octets) + content


def _rsa(*numbers: int) -> bytes:
    """An RSA key in PKCS #8 of any numbers."""
    inner = b"".join(_der(2, number.to_bytes(number.bit_length() // 8 + 1, "big")) for number in (0, *numbers))
    algorithm = _der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return _der(0x30, _der(2, b"\0") + algorithm + _der(4, _der(0x30, inner)))


@pytest.mark.parametrize(
    ("exponent", "prime"), [(2**32 + 1, 2**1023), (65537, 2**1100)], ids=["a large exponent", "unequal primes"]
)
def test_a_key_that_a_blob_has_no_place_for(exponent: int, prime: int) -> None:
    rest = (2**1023,) * 4
    assert private_key_blob(_rsa(2**2047, 65537, 2**2046, 2**1023, *rest)) is not None
    assert private_key_blob(_rsa(2**2047, exponent, 2**2046, prime, *rest)) is None


def test_a_certificate_of_the_store() -> None:
    with windows() as machine:
        digest = hashlib.sha1(LEAF, usedforsecurity=False).digest()
        machine.crypt32.stored[digest] = LEAF
        identity = schannel.identity_from_store(digest.hex(":").upper(), machine=True)
        assert machine.crypt32.open == 0
        kept: Any = _build(identities=(identity,))
        assert machine.secur32.credential.certificate_count == 1
        assert not machine.ncrypt.keys, "its key stays where it is"
        del kept
        gc.collect()
        assert machine.crypt32.open == 0
        for wrong in ("", "zz" * 20, "00" * 19):
            with pytest.raises(unitls.ConfigurationError, match="40 hexadecimal digits"):
                schannel.identity_from_store(wrong)
        with pytest.raises(unitls.ConfigurationError, match="the user's store has no certificate"):
            schannel.identity_from_store("00" * 20)
        machine.crypt32.refuses.add("CertOpenStore")
        with pytest.raises(unitls.ConfigurationError, match="CertOpenStore"):
            schannel.identity_from_store("00" * 20)
        assert "Windows" in repr(identity.private_key)


def test_identities_of_others_are_refused() -> None:
    with windows():
        other = schannel._identities.StoredKey()
        with pytest.raises(unitls.ConfigurationError, match="another backend"):
            _build(identities=(Identity([Certificate.from_buffer(LEAF)], other),))
        signer = PrivateKey.from_signer(b"0\0", lambda scheme, data: b"")
        with pytest.raises(unitls.UnsupportedFeature):
            _build(identities=(Identity([Certificate.from_buffer(LEAF)], signer),))


# ---------------------------------------------------------------------------------------------- chains


def _judged(machine: Windows, chain: tuple[bytes, ...] = (LEAF,), **changes: Any) -> Any:
    engine = ChainEngine(machine.libraries, [ROOT])
    return judge(
        Policy(**{"engines": (engine,), "is_server": True, "anchors": frozenset([ROOT]), **changes}), chain, None
    )


@pytest.mark.parametrize(
    ("bits", "failure"),
    [
        (0x1, VerifyFailure.EXPIRED),
        (0x4, VerifyFailure.REVOKED),
        (0x8, VerifyFailure.INVALID),
        (0x10, VerifyFailure.BAD_PURPOSE),
        (0x40, VerifyFailure.OTHER),
        (0x80, VerifyFailure.INVALID),
        (0x100, VerifyFailure.INVALID),
        (0x200, VerifyFailure.INVALID),
        (0x400, VerifyFailure.INVALID),
        (0x800, VerifyFailure.INVALID),
        (0x2000, VerifyFailure.INVALID),
        (0x8000, VerifyFailure.INVALID),
        (0x100000, VerifyFailure.WEAK),
        (0x1000000, VerifyFailure.OTHER),
        (0x4000000, VerifyFailure.REVOKED),
        (0x8000000, VerifyFailure.INVALID),
        (0x40000000, VerifyFailure.OTHER),
    ],
)
def test_bits_of_the_trust_status(bits: int, failure: VerifyFailure) -> None:
    with windows() as machine:
        machine.crypt32.status, machine.crypt32.errors = bits, [bits]
        assert _judged(machine).fault.failure is failure


@pytest.mark.parametrize("bits", [0x20, 0x10000, 0x10020])
def test_a_path_that_does_not_reach_is_refused_whatever_the_policy_says(bits: int) -> None:
    with windows() as machine:
        machine.crypt32.status, machine.crypt32.path = bits, [LEAF]
        assert _judged(machine).fault.failure is VerifyFailure.UNKNOWN_ISSUER


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (0x800B0101, VerifyFailure.EXPIRED),
        (0x800B0109, VerifyFailure.UNKNOWN_ISSUER),
        (0x800B010A, VerifyFailure.UNKNOWN_ISSUER),
        (0x800B010C, VerifyFailure.REVOKED),
        (0x800B010F, VerifyFailure.NAME_MISMATCH),
        (0x800B0110, VerifyFailure.BAD_PURPOSE),
        (0x80096004, VerifyFailure.INVALID),
        (0x800B010E, VerifyFailure.OTHER),
    ],
)
def test_a_policy_that_objects_counts_though_the_status_is_clean(code: int, failure: VerifyFailure) -> None:
    with windows() as machine:
        machine.crypt32.policy = code
        assert _judged(machine).fault.failure is failure


def test_a_clean_chain_is_accepted_and_everything_freed() -> None:
    with windows() as machine:
        verdict = _judged(machine)
        assert verdict.fault is None
        assert verdict.path == (LEAF, ROOT)
        gc.collect()
        assert machine.crypt32.open == 0
        assert machine.crypt32.engines[0].exclusive_root == 4711


def test_the_time_is_handed_over() -> None:
    with windows() as machine:
        assert _judged(machine, clock=lambda: 1_800_000_000.0).fault is None
        assert machine.crypt32.moments == [(1_800_000_000 + 11_644_473_600) * 10_000_000]
        late = _judged(machine, clock=lambda: 9_000_000_000.0)
        assert late.fault.failure is VerifyFailure.EXPIRED
        early = _judged(machine, clock=lambda: -1e11)
        assert early.fault.failure is VerifyFailure.NOT_YET_VALID
        assert machine.crypt32.moments[-1] == 0


def test_the_length_of_a_path() -> None:
    with windows() as machine:
        machine.crypt32.path = [*CHAIN, ROOT]
        assert _judged(machine, CHAIN, depth=1).fault is None
        assert _judged(machine, CHAIN, depth=0).fault.failure is VerifyFailure.INVALID


@pytest.mark.parametrize("function", ["CertGetCertificateChain", "CertAddEncodedCertificateToStore"])
def test_where_windows_cannot_judge_nobody_is_accepted(function: str) -> None:
    with windows() as machine:
        engine = ChainEngine(machine.libraries, None)
        machine.crypt32.refuses.add(function)
        assert judge(Policy((engine,), is_server=True), [LEAF], None).fault is not None
        assert judge(Policy((), is_server=True), [LEAF], None).fault is not None
        assert judge(Policy((engine,), is_server=True), [b"0\x03abc"], None).fault.failure is VerifyFailure.INVALID  # type: ignore[union-attr]


@pytest.mark.parametrize("function", ["CertOpenStore", "CertCreateCertificateChainEngine"])
def test_a_trust_store_that_windows_does_not_take(function: str) -> None:
    with windows() as machine:
        machine.crypt32.refuses.add(function)
        with pytest.raises(unitls.ConfigurationError, match="does not take the trust store"):
            _build()


def test_any_certificate_can_be_an_anchor() -> None:
    leaf, middle = CHAIN
    whole = Found((leaf, middle), (0, 0x8), 0x10008, 0x800B010A)
    assert cut_at_anchor(whole, frozenset([ROOT])) == whole
    assert cut_at_anchor(whole, frozenset([middle])) == Found((leaf, middle), (0, 0), 0, 0)
    wrong = Found((leaf, middle), (0x8, 0), 0x10008, 0x80096004, 0)
    at_leaf = cut_at_anchor(wrong, frozenset([leaf]))
    assert (at_leaf.path, at_leaf.status) == ((leaf,), 0)
    assert at_leaf.policy, "what the policy says of the leaf itself stays"
    assert cut_at_anchor(wrong, frozenset([middle])).status == 0x8, "a wrong signature below the anchor counts"
    aside = Found((leaf, middle), (0, 0), 0x10000400, 0)
    assert cut_at_anchor(aside, frozenset([middle])).status == 0x10000400, "what belongs to no certificate counts"
    clean = Found((leaf, middle, ROOT), (0, 0, 0), 0, 0x800B0109)
    assert cut_at_anchor(clean, frozenset([middle])) is clean, "a clean status does not silence the policy"


# ---------------------------------------------------------------------------------------------- the buffer


def test_the_buffer_shows_its_front() -> None:
    buffer = RecordBuffer()
    for octet in b"\x17\x03\x03\x00":
        buffer.write(bytes((octet,)))
        assert buffer.header() == b""
    buffer.write(b"\x02ab")
    assert buffer.header() == b"\x17\x03\x03\x00\x02"
    assert buffer.read(6) == b"\x17\x03\x03\x00\x02a"
    buffer.put_back(b"12345")
    buffer.put_back(b"")
    assert buffer.header() == b"12345"
    assert buffer.pending == 6
    buffer.drop_if_ended()
    assert buffer.read() == b"12345b"
    buffer.write(b"123456789")
    assert buffer.read(2) == b"12"
    assert buffer.header() == b"34567"
    buffer.write_eof()
    assert not buffer.eof
    buffer.drop_if_ended()
    assert buffer.eof


def test_libraries_are_loaded_on_windows_only() -> None:
    former = native.put(None)
    try:
        if sys.platform != "win32":
            with pytest.raises(ImportError):
                native.libraries()
    finally:
        native.put(former)


# ---------------------------------------------------------------------------------------------- the Windows Python


def test_an_archive_with_another_hash_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "tools"))
    unpack = importlib.import_module("unpack_embed").unpack
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as files:
        for name in ("cp/python.exe", "cp/python._pth", "cp/deeper/file", "cp/../../escaped"):
            files.writestr(name, b"content")
    archive, folder = tmp_path / "embed.tar.gz", tmp_path / "python"
    with tarfile.open(archive, "w:gz") as outer:
        member = tarfile.TarInfo("embed/src/data.zip")
        member.size = len(inner.getvalue())
        outer.addfile(member, io.BytesIO(inner.getvalue()))
    with pytest.raises(ValueError, match="another hash"):
        unpack(archive, "0" * 64, folder)
    assert not folder.exists()
    unpack(archive, hashlib.sha256(archive.read_bytes()).hexdigest(), folder)
    assert [path.name for path in folder.iterdir()] == ["python.exe"]
