"""``unitls probe``, against servers that are good, bad, silent, or no TLS servers at all."""

from __future__ import annotations

import dataclasses
import errno
import re
import select
import socket
import threading
import types

import pytest
from _cli_peers import TIMEOUT, program, tls, wait_for_end

import unitls
from unitls.cli import _probe, _probe_run
from unitls.cli._authority import identity
from unitls.core._socket import CoreSocket
from unitls.registry import is_named_only
from unitls.testing._zoo_files import load_zoo

DEFAULT = unitls.get_backend()


@pytest.fixture(autouse=True)
def _patience(monkeypatch):
    """A machine under load may take longer for a step than a user would like to wait."""
    monkeypatch.setattr(_probe, "DEFAULT_TIMEOUT", TIMEOUT)


def test_a_good_server(run, serving, cast, ca_file):
    server = serving(tls(cast))
    ran = run("probe", server.target, "--servername", "server.test", "--ca", ca_file, "--alpn", "h2,http/1.1")
    assert (ran.status, ran.err) == (0, "")
    for text in (DEFAULT.library_version, "accepted", "TLS 1.3", "http/1.1", "server.test", "new, not resumed"):
        assert text in ran.out
    assert "names    server.test" in ran.out
    assert "trusted through  CN=unitls demonstration authority" in ran.out
    assert f"verified by   {DEFAULT.library_version}, with 1 given anchor\n" in ran.out


def test_json(run, serving, cast, ca_file):
    server = serving(tls(cast))
    ran = run("probe", server.target, "--servername", "server.test", "--ca", ca_file, "--alpn", "http/1.1", "--json")
    assert ran.status == 0
    assert ran.json["target"] == server.target
    assert ran.json["accepted"] is True
    (result,) = ran.json["results"]
    negotiated = result["negotiated"]
    assert (result["backend"], result["verification"], result["reason"]) == (DEFAULT.name, "accepted", None)
    assert (negotiated["version"], negotiated["application_protocol"]) == ("1.3", "http/1.1")
    assert result["verifier"] == f"{DEFAULT.library_version}, with 1 given anchor"
    assert negotiated["cipher_suite"].startswith("TLS_")
    assert negotiated["chain"][0]["subject_alternative_names"] == ["server.test"]


def test_as_a_program(serving, cast, ca_file):
    server = serving(tls(cast))
    ran = program("probe", server.target, "--servername", "server.test", "--ca", ca_file)
    assert (ran.status, ran.err) == (0, "")
    assert "\x1b" not in ran.out
    assert program("probe", server.target, "--servername", "other.test", "--ca", ca_file).status == 1


def test_a_refusal_gives_its_reason_and_the_certificates(run, serving, cast, ca_file):
    server = serving(tls(cast))
    ran = run("probe", server.target, "--servername", "bank.test", "--ca", ca_file)
    assert ran.status == 1
    assert "REFUSED: name mismatch" in ran.out
    assert "Seen on a second connection, without verification; none of it can be relied on" in ran.out
    assert "names    server.test" in ran.out
    assert "trusted through" not in ran.out
    assert server.connections == 2


@pytest.mark.parametrize("name", ["expired", "not_yet_valid", "unknown_issuer", "self_signed", "wrong_name"])
def test_bad_certificates(run, serving, cast, tmp_path, name):
    case = next(case for case in load_zoo() if case.name == name)
    trust = tmp_path / "trust.pem"
    trust.write_bytes(case.trust_pem)
    issued = dataclasses.replace(cast.server, chain=case.server_chain, key_pem=case.key_pem)
    server = serving(tls(dataclasses.replace(cast, server=issued)))
    ran = run("probe", server.target, "--servername", case.server_hostname, "--ca", str(trust), "--json")
    assert ran.status == 1
    (result,) = ran.json["results"]
    assert result["verification"] == "refused"
    assert result["failure"] == unitls.VerifyFailure[case.failures[0]].value
    assert result["reason"]
    assert result["negotiated"]["verified"] is False
    assert len(result["negotiated"]["chain"]) == len(case.server_chain)


def test_insecure_says_that_nothing_was_checked(run, serving, cast):
    server = serving(tls(cast, impostor=True))
    ran = run("probe", server.target, "--insecure")
    assert ran.status == 0
    assert "verification  not checked" in ran.out
    assert "verified by" not in ran.out
    assert "none sent (an IP address)" in ran.out


def test_the_system_s_roots_do_not_know_our_authority(run, serving, cast):
    ran = run("probe", serving(tls(cast)).target, "--servername", "server.test")
    assert ran.status == 1
    assert "REFUSED: unknown issuer" in ran.out
    assert re.search("verified by   .+, with the roots of .", ran.out)


def test_all_backends(run, serving, cast, ca_file):
    server = serving(tls(cast))
    usable = [
        status.name for status in unitls.available_backends() if status.available and not is_named_only(status.name)
    ]
    ran = run("probe", server.target, "--servername", "server.test", "--ca", ca_file, "--all")
    assert ran.status == 0
    assert all(name in ran.out for name in usable)
    assert server.connections == len(usable)
    ran = run("probe", server.target, "--servername", "bank.test", "--ca", ca_file, "--all")
    assert ran.status == 1
    assert ran.out.count("REFUSED: name mismatch") == len(usable)


def test_with_all_one_backend_that_cannot_is_one_failure(run, serving, cast, monkeypatch):
    class Unable:
        name = "unable"
        library_version = "0"
        capabilities = DEFAULT.capabilities

        def client_context(self, configuration):
            raise unitls.UnsupportedFeature("cannot", feature=unitls.Feature.DISABLE_VALIDATION)

    monkeypatch.setattr(_probe, "choose_backends", lambda names: [DEFAULT, Unable()])
    ran = run("probe", serving(tls(cast)).target, "--all", "--insecure", "--json")
    assert ran.status == 1
    assert [result["accepted"] for result in ran.json["results"]] == [True, False]


def test_ipv6(run, serving, cast, ca_file):
    try:
        server = serving(tls(cast), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    ran = run("probe", f"[::1]:{server.port}", "--servername", "server.test", "--ca", ca_file)
    assert ran.status == 0
    assert ran.out.startswith(f"[::1]:{server.port}  (::1)")


def smtp(then):
    """An SMTP server that goes on with `then` behind STARTTLS."""

    def talk(connection):
        connection.sendall(b"220 mail.test\r\n")
        connection.recv(1000)
        connection.sendall(b"250-mail.test\r\n250 STARTTLS\r\n")
        connection.recv(1000)
        then(connection)

    return talk


def test_starttls(run, serving, cast, ca_file):
    talk = tls(cast)

    def then(connection):
        connection.sendall(b"220 go ahead\r\n")
        talk(connection)

    server = serving(smtp(then))
    ran = run("probe", server.target, "--starttls", "smtp", "--servername", "server.test", "--ca", ca_file)
    assert ran.status == 0
    assert "accepted" in ran.out


def test_injection_behind_starttls_is_refused(run, serving):
    def then(connection):
        connection.sendall(b"220 go ahead\r\n250 injected\r\n")
        wait_for_end(connection)

    ran = run("probe", serving(smtp(then)).target, "--starttls", "smtp")
    assert (ran.status, ran.out) == (1, "")
    assert "may have been injected" in ran.err


def garbage(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
    wait_for_end(connection)


def closes(connection):
    connection.recv(4096)


def resets(connection):
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_a_server_that_resets_the_connection_when_it_is_done(run, serving, cast, ca_file, monkeypatch):
    def talk(connection):
        context = unitls.get_backend().server_context(
            unitls.TLSServerConfiguration(identities=(identity(cast.server),))
        )
        wrapped = context.wrap_socket(connection)
        wrapped.do_handshake()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def gone(wrapped):
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    monkeypatch.setattr(CoreSocket, "getpeername", gone)
    ran = run("probe", serving(talk).target, "--servername", "server.test", "--ca", ca_file, "--json")
    assert ran.status == 0
    assert ran.json["results"][0]["negotiated"]["address"] == "127.0.0.1"


def test_a_server_that_is_gone_before_the_handshake_is_not_accepted(run, serving, ca_file, monkeypatch):
    gone = threading.Event()

    def talk(connection):
        gone.wait(TIMEOUT)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def wait(raw):
        gone.set()
        select.select([raw], [], [], TIMEOUT)
        return "127.0.0.1"

    monkeypatch.setattr(_probe_run, "_address", wait)
    ran = run("probe", serving(talk).target, "--servername", "server.test", "--ca", ca_file, "--json")
    assert (ran.status, ran.json["results"][0]["verification"]) == (1, None)


def test_a_server_that_has_no_address_any_more_has_reset_the_connection():
    def forgotten():
        raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")

    with pytest.raises(ConnectionResetError):
        _probe_run._address(types.SimpleNamespace(getpeername=forgotten))


@pytest.mark.parametrize("talk", [garbage, closes, resets])
def test_what_is_no_tls_server(run, serving, talk):
    ran = run("probe", serving(talk).target)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("unitls probe: ")
    assert "Check that it is a TLS server; some protocols need --starttls." in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("starttls", [[], ["--starttls", "imap"]])
def test_a_silent_server_ends_at_the_timeout(run, serving, starttls):
    ran = run("probe", serving(wait_for_end).target, "--timeout", "0.2", *starttls)
    assert (ran.status, ran.out) == (1, "")
    assert "did not go on within 0.2 s" in ran.err
    assert "--timeout" in ran.err


def test_a_server_that_refuses_with_an_alert(run, serving):
    def talk(connection):
        connection.recv(4096)
        connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28")
        wait_for_end(connection)

    ran = run("probe", serving(talk).target)
    assert ran.status == 1
    assert "handshake_failure" in ran.err


def test_nobody_listens(run):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))  # and not listening: no other process is given this port meanwhile
        ran = run("probe", f"127.0.0.1:{holder.getsockname()[1]}")
    assert (ran.status, ran.out) == (1, "")
    assert "refuses connections. Check the port" in ran.err


def test_no_such_host(run, monkeypatch):
    def unknown(*args):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # the machine's resolver may be slow, or know every name
    ran = run("probe", "host.invalid")
    assert (ran.status, ran.out) == (1, "")
    assert "'host.invalid' cannot be resolved" in ran.err


def test_json_tells_failures_too(run, serving):
    ran = run("probe", serving(closes).target, "--json")
    assert ran.status == 1
    assert ran.json["accepted"] is False
    assert ran.json["results"][0]["negotiated"] is None
    assert ran.json["results"][0]["reason"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--ca", "/nowhere/ca.pem"], "/nowhere/ca.pem cannot be read"),
        (["--ca", __file__], "test_cli_probe.py"),
        (["--backend", "nothing"], "there is no backend 'nothing'"),
    ],
)
def test_wrong_arguments(run, arguments, text):
    ran = run("probe", "127.0.0.1:1", *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert text in ran.err
