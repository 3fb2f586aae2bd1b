"""The enumerations made from the IANA registries, and the program that writes the largest of them."""

from __future__ import annotations

import csv
import enum
import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unitls.api._alerts import AlertDescription, alert_description
from unitls.api._cipher_values import cipher_suite, is_signalling, is_tls13_suite
from unitls.api._ciphers import CipherSuite
from unitls.api._errors import ConfigurationError
from unitls.api._groups import NamedGroup, SignatureScheme, named_group, signature_scheme

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = ROOT / "tools" / "generate_registries.py"
COLUMNS = "Value,Description,DTLS-OK,Recommended,Reference\n"
ENUMERATIONS: list[type[enum.IntEnum]] = [CipherSuite, AlertDescription, NamedGroup, SignatureScheme]


def rows(name: str) -> dict[int, str]:
    """The assigned values of a data file, read with none of the generator's code."""
    with (ROOT / "tools" / "data" / name).open(encoding="utf-8", newline="") as file:
        assigned = [row for row in csv.reader(file) if row[1].startswith("TLS_")]
    return {int(value.replace("0x", "").replace(",", ""), 16): name for value, name, *_ in assigned}


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_registries", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=100, env=environment
    )


class TestCipherSuite:
    def test_is_the_registry_with_the_additions(self) -> None:
        expected = rows("tls-parameters-4.csv") | rows("additions.csv")
        assert {member.value: name for name, member in CipherSuite.__members__.items()} == expected

    def test_count(self) -> None:
        # 352 in the copy of the registry; of the ten additions four are new values.
        assert len(rows("tls-parameters-4.csv")) == 352
        assert len(CipherSuite) == 356

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("TLS_NULL_WITH_NULL_NULL", 0x0000),
            ("TLS_RSA_WITH_AES_128_CBC_SHA", 0x002F),
            ("TLS_DH_anon_WITH_AES_128_CBC_SHA", 0x0034),
            ("TLS_ASCONAEAD128_ASCONHASH256", 0x006E),
            ("TLS_SM4_GCM_SM3", 0x00C6),
            ("TLS_EMPTY_RENEGOTIATION_INFO_SCSV", 0x00FF),
            ("TLS_AES_128_GCM_SHA256", 0x1301),
            ("TLS_AES_256_GCM_SHA384", 0x1302),
            ("TLS_CHACHA20_POLY1305_SHA256", 0x1303),
            ("TLS_AEGIS_256_SHA512", 0x1306),
            ("TLS_FALLBACK_SCSV", 0x5600),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", 0xC02C),
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", 0xC02F),
            ("TLS_SHA256_SHA256", 0xC0B4),
            ("TLS_GOSTR341112_256_WITH_MAGMA_MGM_S", 0xC106),
            ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", 0xCCA8),
            ("TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256", 0xD005),
        ],
    )
    def test_spot_values(self, name: str, value: int) -> None:
        assert CipherSuite[name] == value

    def test_a_renamed_suite_has_lost_its_former_name(self) -> None:
        assert "TLS_AEGIS_256_SHA384" not in CipherSuite.__members__

    @pytest.mark.parametrize("value", [0x0A0A, 0x1A1A, 0xFAFA])
    def test_grease_values_are_not_members(self, value: int) -> None:
        assert cipher_suite(value) == value
        assert not isinstance(cipher_suite(value), CipherSuite)


class TestCipherValues:
    @given(st.integers(0, 0xFFFF))
    def test_every_16_bit_value_keeps_its_number(self, value: int) -> None:
        suite = cipher_suite(value)
        assert suite == value
        assert isinstance(suite, CipherSuite) == (value in CipherSuite.__members__.values())

    def test_a_member_stays_itself(self) -> None:
        assert cipher_suite(CipherSuite.TLS_AES_128_GCM_SHA256) is CipherSuite.TLS_AES_128_GCM_SHA256

    def test_tls13_suites_are_those_without_a_key_exchange(self) -> None:
        gost = {name for name in CipherSuite.__members__ if name.endswith(("_MGM_L", "_MGM_S"))}
        expected = {
            suite.name for suite in CipherSuite if "_WITH_" not in suite.name and not is_signalling(suite)
        } | gost
        assert {suite.name for suite in CipherSuite if is_tls13_suite(suite)} == expected
        assert len(gost) == 4

    @pytest.mark.parametrize(("value", "expected"), [(0x13FE, True), (0x12FF, False), (0x1400, False), (0xFAFA, False)])
    def test_tls13_of_values_that_are_not_assigned(self, value: int, expected: bool) -> None:
        assert is_tls13_suite(value) is expected

    def test_signalling_values_are_the_scsvs(self) -> None:
        assert {suite.name for suite in CipherSuite if is_signalling(suite)} == {
            "TLS_EMPTY_RENEGOTIATION_INFO_SCSV",
            "TLS_FALLBACK_SCSV",
        }


class TestOtherRegistries:
    @pytest.mark.parametrize(
        ("member", "value"),
        [
            (AlertDescription.CLOSE_NOTIFY, 0),
            (AlertDescription.HANDSHAKE_FAILURE, 40),
            (AlertDescription.UNKNOWN_CA, 48),
            (AlertDescription.TOO_MANY_CIDS_REQUESTED, 52),
            (AlertDescription.NO_RENEGOTIATION, 100),
            (AlertDescription.CERTIFICATE_REQUIRED, 116),
            (AlertDescription.GENERAL_ERROR, 117),
            (AlertDescription.NO_APPLICATION_PROTOCOL, 120),
            (AlertDescription.ECH_REQUIRED, 121),
            (NamedGroup.SECP256R1, 0x0017),
            (NamedGroup.X25519, 0x001D),
            (NamedGroup.CURVESM2, 0x0029),
            (NamedGroup.FFDHE8192, 0x0104),
            (NamedGroup.MLKEM512, 0x0200),
            (NamedGroup.SECP256R1MLKEM768, 0x11EB),
            (NamedGroup.X25519MLKEM768, 0x11EC),
            (NamedGroup.SECP384R1MLKEM1024, 0x11ED),
            (SignatureScheme.ECDSA_SECP256R1_SHA256, 0x0403),
            (SignatureScheme.RSA_PSS_RSAE_SHA256, 0x0804),
            (SignatureScheme.ED448, 0x0808),
            (SignatureScheme.MLDSA65, 0x0905),
            (SignatureScheme.SLHDSA_SHAKE_256F, 0x091C),
        ],
    )
    def test_spot_values(self, member: enum.IntEnum, value: int) -> None:
        assert member == value

    @pytest.mark.parametrize("registry", ENUMERATIONS)
    def test_no_value_has_two_names(self, registry: type[enum.IntEnum]) -> None:
        assert len(registry.__members__) == len(set(registry))
        assert len({name.upper() for name in registry.__members__}) == len(registry)

    def test_a_known_value_becomes_a_member(self) -> None:
        assert alert_description(0) is AlertDescription.CLOSE_NOTIFY
        assert named_group(29) is NamedGroup.X25519
        assert signature_scheme(0x0807) is SignatureScheme.ED25519

    def test_an_unknown_value_stays_a_number(self) -> None:
        assert type(alert_description(255)) is int
        assert type(named_group(0x0A0A)) is int
        assert type(signature_scheme(0xFFFF)) is int


class TestRefusals:
    @pytest.mark.parametrize("convert", [cipher_suite, named_group, signature_scheme])
    @pytest.mark.parametrize("value", [-1, 0x10000])
    def test_more_than_16_bits(self, convert: object, value: int) -> None:
        assert callable(convert)
        with pytest.raises(ConfigurationError, match="must be between 0 and 0xffff"):
            convert(value)

    def test_an_alert_has_8_bits(self) -> None:
        with pytest.raises(ConfigurationError, match="an alert description must be between 0 and 0xff, not 0x100"):
            alert_description(256)

    @pytest.mark.parametrize("convert", [cipher_suite, named_group, signature_scheme, alert_description])
    @pytest.mark.parametrize("value", [True, "TLS_AES_128_GCM_SHA256", 1.0, None, b"\x13\x01"])
    def test_what_is_not_an_integer(self, convert: object, value: object) -> None:
        assert callable(convert)
        with pytest.raises(ConfigurationError, match=f"must be an integer, not {type(value).__name__}"):
            convert(value)


class TestGenerator:
    def test_the_module_is_up_to_date(self) -> None:
        result = run(str(GENERATOR), "--check")
        assert (result.returncode, result.stderr) == (0, "")

    def test_check_tells_and_does_not_write(
        self, generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        target = tmp_path / "_ciphers.py"
        monkeypatch.setattr(generator, "TARGET", target)
        assert generator.main(["--check"]) == 1
        assert "out of date" in capsys.readouterr().err
        assert not target.exists()

    def test_it_writes_what_it_checks(
        self, generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "_ciphers.py"
        target.write_text("something else\n", encoding="utf-8")
        monkeypatch.setattr(generator, "TARGET", target)
        assert generator.main([]) == 0
        assert generator.main(["--check"]) == 0
        assert target.read_bytes() == (ROOT / "src" / "unitls" / "api" / "_ciphers.py").read_bytes()

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ('"0x13,0x01",TLS_AES_128_GCM_SHA256,Y,Y,[RFC8446]', "the registry has it by now"),
            ('"0x13,0x08",TLS_AES_128_GCM_SHA256,Y,Y,[RFC8446]', "assigned twice"),
            ('"0x13,0x08-09",TLS_NEW,Y,N,[RFC9999]', "neither a cipher suite"),
            ('"0x13,0x08",A new one,Y,N,[RFC9999]', "neither a cipher suite"),
            ('"0x13,0x08",TLS_NEW,Y,N,', "no reference"),
            ('"0x13,0x08",TLS_NEW,Y,N,[A]\n"0x13,0x08",TLS_NEWER,Y,N,[B]', "assigned twice"),
        ],
    )
    def test_data_it_does_not_understand(
        self, generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: str, message: str
    ) -> None:
        additions = tmp_path / "additions.csv"
        additions.write_text(f"{COLUMNS}{row}\n", encoding="utf-8")
        monkeypatch.setattr(generator, "ADDITIONS", additions)
        with pytest.raises(generator.DataError, match=message):
            generator.generate()


class TestImport:
    def test_none_of_the_modules_needs_ssl(self) -> None:
        modules = ("_ciphers", "_cipher_values", "_alerts", "_groups")
        imports = "".join(f"import unitls.api.{module}\n" for module in modules)
        result = run("-c", f"import sys\n{imports}print(sorted({{'ssl', '_ssl', 'cffi'}} & sys.modules.keys()))")
        assert (result.stdout, result.stderr) == ("[]\n", "")

    def test_the_large_enumeration_is_loaded_by_its_first_use(self) -> None:
        program = (
            "import sys\n"
            "from unitls.api._cipher_values import cipher_suite, is_tls13_suite\n"
            "is_tls13_suite(0x1301)\n"
            "before = 'unitls.api._ciphers' in sys.modules\n"
            "print(before, cipher_suite(0x1301).name)"
        )
        result = run("-c", program)
        assert (result.stdout, result.stderr) == ("False TLS_AES_128_GCM_SHA256\n", "")
