"""``unitls demo``: it shows the truth, whatever that is."""

from __future__ import annotations

import dataclasses
import sys

from _cli_peers import program

import unitls
from unitls.cli import _demo
from unitls.cli._authority import assemble
from unitls.registry import is_named_only

USABLE = [status.name for status in unitls.available_backends() if status.available and not is_named_only(status.name)]


def test_as_a_program():
    ran = program("demo")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.count("intact both ways") == len(USABLE)
    assert ran.out.count("refused: ") == 4 * len(USABLE)
    assert "is not for bank.test" in ran.out
    assert "unknown issuer" in ran.out
    assert "close_notify" in ran.out
    assert "may have been injected" in ran.out
    assert ran.out.endswith("Every connection worked, and every attack was refused.\n")


def test_without_cryptography_it_takes_the_certificates_of_the_package(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    ran = run("demo")
    assert ran.status == 0
    assert "unitls.testing" in ran.out


def test_an_attack_that_succeeds_is_told(run, monkeypatch):
    cast = assemble(make=False)
    trusted = dataclasses.replace(cast, impostor=cast.server, impostor_hostname=cast.hostname)
    monkeypatch.setattr(_demo, "assemble", lambda: trusted)
    ran = run("demo")
    assert ran.status == 1
    assert ran.out.count("ACCEPTED, which it must not be") == len(USABLE)
    assert "This is not as it must be" in ran.out


def test_a_failure_for_another_reason_is_no_refusal(run, monkeypatch):
    monkeypatch.setattr(_demo, "_cut_short", lambda wrapped: wrapped.sendall(b"all of it"))
    ran = run("demo")
    assert ran.status == 1
    assert ran.out.count("ACCEPTED") == len(USABLE)

    attacks = _demo.attacks
    monkeypatch.setattr(
        _demo,
        "attacks",
        lambda *args: [dataclasses.replace(attack, is_refusal=lambda error: False) for attack in attacks(*args)],
    )
    ran = run("demo")
    assert ran.status == 1
    assert "failed for another reason than it must" in ran.out


def test_a_connection_that_fails_is_told(run, monkeypatch):
    cast = assemble(make=False)
    monkeypatch.setattr(_demo, "assemble", lambda: dataclasses.replace(cast, hostname="other.example"))
    ran = run("demo")
    assert ran.status == 1
    assert "failed: the certificate is not for other.example" in ran.out


def test_an_unknown_backend(run):
    ran = run("demo", "--backend", "nothing")
    assert (ran.status, ran.out) == (2, "")
    assert "there is no backend 'nothing'" in ran.err
