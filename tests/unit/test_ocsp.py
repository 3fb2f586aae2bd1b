"""The check of a stapled OCSP response, whatever was stapled."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unitls.core._ocsp import ocsp_fault
from unitls.testing import load_identities
from unitls.testing._zoo_files import load_ocsp

IDS = load_identities()
PATH = [IDS.server.chain[0], IDS.authority.certificate_der]
CASES = {case.name: case for case in load_ocsp()}
NOW = 1_800_000_000.0


@pytest.mark.parametrize("name", CASES)
def test_what_comes_of_each_response(name: str) -> None:
    fault = ocsp_fault(CASES[name].response, PATH, NOW)
    assert (None if fault is None else fault.failure.name) == CASES[name].failure


def test_nothing_stapled_and_no_issuer() -> None:
    for response, path in ((b"", PATH), (CASES["good"].response, PATH[:1]), (CASES["good"].response, [])):
        fault = ocsp_fault(response, path, NOW)
        assert fault is not None
        assert fault.failure.name == "OTHER"


@settings(max_examples=300)
@given(st.integers(0, 1 << 16), st.integers(1, 255))
def test_a_changed_byte_gives_a_verdict_and_no_exception(position: int, change: int) -> None:
    response = bytearray(CASES["good_appointed"].response)
    response[position % len(response)] ^= change
    ocsp_fault(bytes(response), PATH, NOW)


def test_an_algorithm_that_nobody_knows() -> None:
    ecdsa_with_sha256, unknown = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a8648ce3d0403") + b"\x7f"
    response = CASES["good"].response.replace(ecdsa_with_sha256, unknown)
    fault = ocsp_fault(response, PATH, NOW)
    assert fault is not None
    assert "cannot be read" in fault.text


@pytest.mark.parametrize("now", [1e12, -1e12, float("inf"), float("nan")])
def test_a_clock_out_of_every_calendar(now: float) -> None:
    assert ocsp_fault(CASES["good"].response, PATH, now) is not None
