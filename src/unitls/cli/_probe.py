"""``unitls probe``: connect to a server and show what it negotiates, what it shows, and whether that is accepted."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from ..api._backend import Backend
from ..api._errors import ConfigurationError
from ..api._trust import TrustStore
from ..registry import get_backend
from ._command import DEFAULT_TIMEOUT, FAILED, OK, USAGE, Command, CommandError, choose_backends, protocols, seconds
from ._output import Output
from ._probe_run import Question, Result, probe
from ._probe_show import as_json, show_one, show_several
from ._starttls import STARTTLS
from ._target import DEFAULT_PORT, host_name, parse_target


@dataclass(frozen=True, slots=True)
class _Arguments:
    question: Question
    backends: list[Backend]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``probe``."""
    parser.add_argument(
        "target",
        metavar="HOST[:PORT]",
        type=parse_target,
        help="the server; an IPv6 address with a port stands in brackets. The port is 443, or the protocol's own with "
        "--starttls",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--backend", metavar="NAME", help="the backend to connect with; the default one otherwise")
    which.add_argument(
        "--all", action="store_true", help="connect with every backend that can be used here without being named"
    )
    parser.add_argument("--starttls", choices=sorted(STARTTLS), help="begin with the plaintext dialogue of a protocol")
    parser.add_argument(
        "--servername", metavar="NAME", type=host_name, help="the name to send and to verify, instead of HOST"
    )
    parser.add_argument("--ca", metavar="FILE", help="trust exactly the certificates in FILE, not the system's")
    parser.add_argument(
        "--alpn", metavar="NAMES", type=protocols, default=[], help="protocols to offer, such as h2,http/1.1"
    )
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=seconds,
        default=DEFAULT_TIMEOUT,
        help="for each step: connecting, the plaintext dialogue, the handshake (%(default)g)",
    )
    parser.add_argument("--insecure", action="store_true", help="do not verify the certificate, only show it")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(args: argparse.Namespace, output: Output) -> int:
    """Probe a server.

    Returns:
        `OK` if each connection was made and its certificate accepted, else `FAILED`.

    Raises:
        CommandError: a file cannot be read, no backend can be used, or the one connection could not be made.
        ConfigurationError: the arguments do not fit together, or the backend cannot do what they ask for.
    """
    arguments = _read(args)
    results = [_ask(arguments.question, backend, alone=not args.all, output=output) for backend in arguments.backends]
    output.progress()
    if args.json:
        output.json(as_json(arguments.question, results))
    elif not args.all:
        if results[0].verification is None:
            raise CommandError(results[0].reason)
        show_one(arguments.question, results[0], output)
    else:
        show_several(arguments.question, results, output)
    return OK if all(result.accepted for result in results) else FAILED


def _ask(question: Question, backend: Backend, *, alone: bool, output: Output) -> Result:
    output.progress(f"connecting to {question.target} with {backend.name}")
    try:
        return probe(question, backend)
    except ConfigurationError as error:
        if alone:
            raise
        return Result(backend.name, backend.library_version, reason=str(error))


def _read(args: argparse.Namespace) -> _Arguments:
    default_port = STARTTLS[args.starttls].port if args.starttls else DEFAULT_PORT
    question = Question(
        target=args.target.with_port(default_port),
        server_name=args.servername or args.target.host,
        starttls=args.starttls,
        protocols=tuple(args.alpn),
        trust_store=None if args.ca is None else _trust_store(args.ca),
        timeout=args.timeout,
        verify=not args.insecure,
    )
    return _Arguments(question, choose_backends(None) if args.all else [get_backend(args.backend)])


def _trust_store(path: str) -> TrustStore:
    try:
        return TrustStore.from_file(path)
    except OSError as error:
        raise CommandError(f"{path} cannot be read ({error.strerror}). Give a file of certificates.", USAGE) from error


COMMAND = Command(
    name="probe",
    summary="connect to a server and show what it negotiates, and whether its certificate is accepted",
    description=(
        "Connect to a server and show the library, version, cipher suite, application protocol and certificates, and\n"
        "whether the server is accepted. If it is not, the reason is shown, and a second connection without\n"
        "verification shows the certificates. The exit status is 0 only if the server was accepted, or with --insecure if\n"
        "it did the handshake."
    ),
    examples=(
        "unitls probe example.org\n"
        "unitls probe example.org:8443 --alpn h2,http/1.1 --all\n"
        "unitls probe mail.example.org:587 --starttls smtp\n"
        "unitls probe [::1]:8443 --servername localhost --ca ca.pem --json"
    ),
    add_arguments=add_arguments,
    run=run,
)
