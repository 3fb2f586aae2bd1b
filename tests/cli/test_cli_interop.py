"""``unitls interop``."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
from _cli_peers import program

import unitls
from unitls.cli import _interop, _loopback
from unitls.testing import Expectation

USABLE = [status.name for status in unitls.available_backends() if status.available]


def test_every_pair_works():
    ran = program("interop", "--all", "--json")
    assert ran.status == 0, ran.out + ran.err
    results = ran.json["results"]
    assert ran.json["passed"] is True
    assert {(result["client"], result["server"]) for result in results} == {(a, b) for a in USABLE for b in USABLE}
    assert {result["version"] for result in results} == {"TLSv1_2", "TLSv1_3"}
    for result in results:
        assert set(result["checks"]) == {"data", "ALPN", "client certificate", "resumption"}
        assert result["checks"]["data"] == "ok"


def test_a_table(run):
    ran = run("interop", "--backends", USABLE[0], "--versions", "1.3")
    assert ran.status == 0
    assert "1 of 1 combinations work" in ran.out
    assert "1.2" not in ran.out.replace("1.2,", "")


def test_what_a_backend_lacks_is_not_tried(run, monkeypatch):
    monkeypatch.setattr(_interop.Pair, "support", lambda self, feature: False)
    ran = run("interop", "--backends", USABLE[0], "--versions", "1.3", "--json")
    assert ran.status == 0
    assert list(ran.json["results"][0]["checks"].values()) == ["ok", *["not supported"] * 3]


def test_a_failure_is_told(run, monkeypatch, cast):
    wrong = dataclasses.replace(cast, server=cast.impostor)
    monkeypatch.setattr(_interop, "assemble", lambda: wrong)
    ran = run("interop", "--backends", USABLE[0], "--versions", "1.3")
    assert ran.status == 1
    assert "0 of 1 combinations work" in ran.out
    assert "data: certificate not accepted: unknown issuer" in ran.out


def test_each_expectation_is_checked(run, monkeypatch):
    """Replace what was negotiated by something else: the check that is meant for it has to fail, and only that."""
    socket_type = _socket_type()
    for attribute, value, failing in [
        ("negotiated_tls_version", property(lambda self: unitls.TLSVersion.TLSv1_2), {"data", "ALPN"}),
        ("negotiated_protocol", lambda self: None, {"ALPN"}),
        ("session_resumed", property(lambda self: False), {"resumption"}),
        ("getpeercert", lambda self: None, {"client certificate"}),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(socket_type, attribute, value)
            ran = run("interop", "--backends", USABLE[0], "--versions", "1.3", "--json")
        assert ran.status == 1
        (result,) = ran.json["results"]
        assert failing <= {name for name, outcome in result["checks"].items() if outcome != "ok"}, attribute


@pytest.mark.parametrize(
    ("version", "failure", "outcome"),
    [
        ("1.3", "the client did not resume the session", "not supported"),
        ("1.3", "the server sees damaged data", "the server sees damaged data"),
        ("1.2", "the client did not resume the session", "the client did not resume the session"),
    ],
)
def test_only_the_failure_that_is_expected_is_forgiven(run, monkeypatch, version, failure, outcome):
    line = Expectation(
        backend=USABLE[0],
        case="sessions-are-resumed",
        failure="*did not resume*",
        variant="TLSv1_3-*",
        reason="-",
        link="-",
    )
    monkeypatch.setattr(_interop, "load_expectations", lambda: (line,))
    monkeypatch.setattr(_interop, "_attempt", lambda pair, cast, **how: failure if how.get("resumption") else "ok")
    ran = run("interop", "--backends", USABLE[0], "--versions", version, "--json")
    assert ran.json["results"][0]["checks"]["resumption"] == outcome
    assert ran.json["passed"] is (outcome == "not supported")


def _socket_type() -> type:
    from unitls.core._socket import CoreSocket

    return CoreSocket


def test_damaged_data_is_found(run, monkeypatch):
    # As long as it should be: an end that closed over something unread would reset the connection, which is another error.
    numbers = itertools.count(1)
    monkeypatch.setattr(_loopback.Payload, "_bytes", lambda self, sender: bytes([next(numbers)]) * self.size)
    ran = run("interop", "--backends", USABLE[0], "--versions", "1.3", "--json")
    assert ran.status == 1
    assert "which are not the" in ran.json["results"][0]["checks"]["data"]


def test_an_unknown_backend(run):
    ran = run("interop", "--backends", "nothing")
    assert (ran.status, ran.out) == (2, "")
    assert "there is no backend 'nothing'" in ran.err


def test_a_server_that_does_not_end_in_time(monkeypatch, cast):
    monkeypatch.setattr(_loopback, "TIMEOUT", 0.1)
    backend = unitls.get_backend()
    with _loopback.Loopback() as loopback:
        done = loopback.exchange(
            lambda raw: raw.recv(1),
            backend.client_context(unitls.TLSClientConfiguration(trust_store=cast.trust_store)),
            "bad..name",
            lambda wrapped: None,
        )
    assert isinstance(done.client.error, unitls.ConfigurationError)
    assert done.error is done.client.error


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_payloads_of_each_size(cast, size):
    from unitls.cli._authority import identity

    backend, payload = unitls.get_backend(), _loopback.Payload(size)
    server = backend.server_context(unitls.TLSServerConfiguration(identities=(identity(cast.server),)))
    client = backend.client_context(unitls.TLSClientConfiguration(trust_store=cast.trust_store))
    with _loopback.Loopback() as loopback:
        done = loopback.exchange(
            _loopback.tls_server(server, lambda wrapped: payload.send_and_check(wrapped, first=False)),
            client,
            "server.test",
            lambda wrapped: payload.send_and_check(wrapped, first=True),
        )
    assert done.error is None
