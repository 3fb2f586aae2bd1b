"""OpenSSL's cipher strings mean the same suites, in the same order, as they do to OpenSSL."""

from __future__ import annotations

import logging
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

import unitls
import unitls.compat.ssl as face
from unitls.api._cipher_values import is_tls13_suite
from unitls.compat.ssl._cipher_strings import _TESTS, description, parse
from unitls.compat.ssl._suites import suites

STRINGS = (
    """
ALL|COMPLEMENTOFALL|DEFAULT|HIGH|ECDHE+AESGCM|HIGH:!aNULL:!MD5|ECDHE-RSA-AES128-GCM-SHA256|TLSv1.2:!aNULL|aRSA|PSK|SRP
ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM|ALL:!ADH:@STRENGTH|ALL:+ECDHE|CBC|FIPS
ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384|ALL:-AES:AES128|NOTHING:HIGH|HIGH:!NOTHING|NOTHING|MD5|eNULL
DEFAULT:!SHA|DEFAULT:-ECDHE:ECDHE|kRSA:+AES256|ECDSA+AES|EECDH+AESGCM:EDH+AESGCM|DEFAULT@STRENGTH|HIGH@STRENGTH|RSA+3DES
ECDH+AESGCM DH+AESGCM RSA+AES;!aNULL,!MD5|TLS_AES_128_GCM_SHA256|!ALL|ALL:!ALL|AES:!AES:AES|SHA256:SHA384|@FOO|ALL:@FOO
DEFAULT:@SECLEVEL=2|ALL:|:ALL|ALL::AES|AES:!|HIGH!aNULL|HIGH-AES|AES+|+|DEFAULTS|ALL:?AES|ALL/AES|HIGH:DEFAULT|ALL:+RSA
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
WORDS = st.sampled_from([*_TESTS, "ECDHE-RSA-AES128-GCM-SHA256", "NOTHING"])
ELEMENTS = st.builds(
    lambda sign, words: sign + "+".join(words),
    st.sampled_from(["", "", "!", "-", "+"]),
    st.lists(WORDS, min_size=1, max_size=2),
)
has_openssl_3 = ssl.OPENSSL_VERSION_INFO[:2] == (3, 0)


def theirs(text: str) -> list[int] | None:
    """What the `ssl` module makes of a string: the numbers of the suites up to TLS 1.2, or `None` for an error."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.set_ciphers(text)
    except ssl.SSLError:
        return None
    return [item["id"] & 0xFFFF for item in context.get_ciphers() if item["protocol"] != "TLSv1.3"]


def ours(text: str) -> list[int] | None:
    try:
        return list(parse(text))
    except face.SSLError:
        return None


@pytest.mark.skipif(not has_openssl_3, reason="the list of suites is that of OpenSSL 3.0")
@pytest.mark.parametrize("text", STRINGS)
def test_a_string_means_what_it_means_to_openssl(text: str) -> None:
    assert ours(text) == theirs(text)


@pytest.mark.skipif(not has_openssl_3, reason="the list of suites is that of OpenSSL 3.0")
@given(st.lists(ELEMENTS, min_size=1, max_size=5), st.sampled_from(["", ":@STRENGTH"]))
def test_any_string_means_what_it_means_to_openssl(elements: list[str], end: str) -> None:
    text = ":".join(elements) + end
    assert ours(text) == theirs(text)


@pytest.mark.skipif(not has_openssl_3, reason="the list of suites is that of OpenSSL 3.0")
def test_suites_are_described_as_openssl_does() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL")
    for shown in context.get_ciphers():
        assert description(shown["id"] & 0xFFFF) == shown


def test_every_suite_in_the_table_is_in_the_registry() -> None:
    for suite in suites().values():
        assert suite.number in list(unitls.CipherSuite)
        assert is_tls13_suite(suite.number) is suite.is_tls13


def test_a_word_that_means_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    parse("HIGH:!SOMETHING-NOBODY-KNOWS")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "SOMETHING-NOBODY-KNOWS" in caplog.text


@pytest.mark.parametrize("text", ["DEFAULT@SECLEVEL=1", "ALL:@SECLEVEL=0", "HIGH:@SECLEVEL=3", "SUITEB128"])
def test_what_no_backend_can_do_is_refused(text: str) -> None:
    with pytest.raises(unitls.UnsupportedFeature):
        parse(text)


def test_a_context_takes_it(backend: unitls.Backend) -> None:
    context = face.SSLContext(face.PROTOCOL_TLS_CLIENT, backend=backend)
    if not backend.capabilities.supports(unitls.Feature.CIPHER_SUITES):
        with pytest.raises(unitls.UnsupportedFeature):
            context.set_ciphers("ECDHE+AESGCM")
        return
    context.set_ciphers("ECDHE+AESGCM")
    older = [item["name"] for item in context.get_ciphers() if item["protocol"] == "TLSv1.2"]
    assert older
    assert all(name.startswith("ECDHE-") and "-GCM-" in name for name in older)
    assert (
        any(item["protocol"] == "TLSv1.3" for item in context.get_ciphers())
        or max(backend.capabilities.versions) < unitls.TLSVersion.TLSv1_3
    )


def test_a_context_refuses_what_leaves_no_suite(backend: unitls.Backend) -> None:
    context = face.SSLContext(face.PROTOCOL_TLS_CLIENT, backend=backend)
    for text in ("NOTHING", "eNULL", "TLS_AES_128_GCM_SHA256", ""):
        with pytest.raises(ssl.SSLError):
            context.set_ciphers(text)
    with pytest.raises(TypeError):
        context.set_ciphers(b"ALL")  # type: ignore[arg-type]
