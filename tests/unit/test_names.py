from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

import unitls
from unitls import URI, DNSName, IPAddress
from unitls.core._names import PeerNames, peer_names
from unitls.insecure import ANY_SUBJECT, AnySubject, InsecureWarning


@pytest.mark.parametrize(
    ("host", "server_name", "subject"),
    [
        ("Server.Test", "server.test", DNSName("server.test")),
        ("server.test.", "server.test", DNSName("server.test")),
        ("bücher.example", "xn--bcher-kva.example", DNSName("xn--bcher-kva.example")),
        ("127.0.0.1", None, IPAddress("127.0.0.1")),
        ("::1", None, IPAddress("::1")),
        ("[::1]", None, IPAddress("::1")),
    ],
)
def test_a_host_gives_the_name_to_send_and_the_one_to_check(host: str, server_name: str | None, subject: Any) -> None:
    assert peer_names(host, None, validate=True) == PeerNames(server_name, (subject,))
    assert peer_names(host, None, validate=False) == PeerNames(server_name, None)


def test_subjects_replace_the_host_for_checking_only() -> None:
    subjects = [URI("spiffe://a/b"), IPAddress("10.0.0.1"), DNSName("other.test")]
    assert peer_names("server.test", subjects, validate=True) == PeerNames("server.test", tuple(subjects))
    assert peer_names(None, subjects, validate=True) == PeerNames(None, tuple(subjects))
    assert peer_names("server.test", subjects, validate=False) == PeerNames("server.test", None)


@pytest.mark.parametrize("validate", [True, False])
@pytest.mark.parametrize(
    "subjects",
    [[], (), ["server.test"], "server.test", b"server.test", [b"x"], [None], DNSName("server.test"), 7],
)
def test_subjects_are_typed_and_not_empty(subjects: Sequence[Any], validate: bool) -> None:
    with pytest.raises(unitls.ConfigurationError, match="valid_subjects"):
        peer_names("server.test", subjects, validate=validate)


def test_with_validation_there_has_to_be_a_name() -> None:
    with pytest.raises(unitls.ConfigurationError, match="server_hostname or valid_subjects"):
        peer_names(None, None, validate=True)
    assert peer_names(None, None, validate=False) == PeerNames()


@pytest.mark.parametrize("host", ["", "a\0b", "a" * 64 + ".test", "a..b", "ein wort", "1.2.3", b"server.test", 7])
def test_what_is_no_host(host: Any) -> None:
    with pytest.raises(unitls.ConfigurationError):
        peer_names(host, None, validate=True)
    with pytest.raises(unitls.ConfigurationError):
        peer_names(host, None, validate=False)


def test_any_subject_warns_and_is_audited() -> None:
    events: list[Any] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "unitls.insecure" and collecting:
            events.append(arguments)

    collecting = True
    sys.addaudithook(hook)
    with pytest.warns(InsecureWarning, match="not checked"):
        names = peer_names("server.test", ANY_SUBJECT, validate=True)
    collecting = False
    assert names == PeerNames("server.test", None)
    assert events == [("ANY_SUBJECT",)]


def test_any_subject_without_validation_is_nothing_new() -> None:
    assert peer_names(None, ANY_SUBJECT, validate=False) == PeerNames()


def test_only_the_marker_itself_switches_the_check_off() -> None:
    with pytest.raises(unitls.ConfigurationError, match="empty"):
        peer_names("server.test", AnySubject(), validate=True)


def test_the_marker_is_an_empty_sequence() -> None:
    assert list(ANY_SUBJECT) == []
    assert not ANY_SUBJECT
    with pytest.raises(IndexError):
        ANY_SUBJECT[0]
    assert repr(ANY_SUBJECT) == "ANY_SUBJECT"
