"""``unitls serve``: a small HTTPS file server."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..api._certificates import Identity, PrivateKey
from ..api._configuration import TLSServerConfiguration
from ..api._errors import ConfigurationError
from ..api._protocols import next_protocol
from ..api._subjects import IPAddress, parse_subject
from ..core._values import load_chain
from ..registry import get_backend
from ..testing._ca import CertificateAuthority
from ._authority import can_make_certificates, identity
from ._command import OK, USAGE, Command, CommandError, port_number, protocols
from ._output import Output, Styled

if TYPE_CHECKING:
    from ._file_server import FileServer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``serve``."""
    parser.add_argument(
        "directory", metavar="DIR", nargs="?", default=".", help="the directory to serve; the current one otherwise"
    )
    parser.add_argument("--bind", metavar="ADDRESS", default="127.0.0.1", help="where to listen (%(default)s)")
    parser.add_argument(
        "--port", metavar="N", type=port_number, default=8443, help="the port, 0 for any that is free (%(default)s)"
    )
    parser.add_argument(
        "--cert", metavar="FILE", help="the certificate in PEM and its intermediates; a throw-away one otherwise"
    )
    parser.add_argument("--key", metavar="FILE", help="its private key, if that is not in the same file")
    parser.add_argument("--backend", metavar="NAME", help="the backend; the default one otherwise")
    parser.add_argument(
        "--alpn", metavar="NAMES", type=protocols, default=[b"http/1.1"], help="protocols to agree to (http/1.1)"
    )


def run(args: argparse.Namespace, output: Output) -> int:
    """Serve until interrupted.

    Returns:
        Nothing else than `OK`; an interrupt ends it.

    Raises:
        CommandError: a file or the directory cannot be read, the address cannot be used, or there is no certificate.
        ConfigurationError: the certificate and the key do not fit, or the backend cannot be used.
    """
    _check(args)
    with contextlib.ExitStack() as stack:
        _end_orderly(stack)
        own_identity, authority = _identity(args, stack)
        server = stack.enter_context(_file_server(args, own_identity, output))
        _announce(server, args, authority, output)
        server.serve_forever()
    return OK


def _end_orderly(stack: contextlib.ExitStack) -> None:
    """Let the signals that end a program do it by an exception, so that the temporary file is removed on the way out."""
    for number in filter(None, (signal.SIGTERM, getattr(signal, "SIGHUP", None))):
        if signal.getsignal(number) is signal.SIG_DFL:  # under nohup the terminal may go without an end to this
            stack.callback(signal.signal, number, signal.signal(number, _terminate))


def _terminate(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _check(args: argparse.Namespace) -> None:
    if args.key is not None and args.cert is None:
        raise CommandError("--key needs --cert: give the certificate that the key belongs to.", USAGE)
    if not os.path.isdir(args.directory):
        raise CommandError(f"{args.directory} is not a directory. Give the directory to serve.", USAGE)
    if not _has_a_form_in_ascii(args.bind):
        raise CommandError(f"{args.bind} is no host name. Give an address of this machine to --bind.", USAGE)


def _has_a_form_in_ascii(host: str) -> bool:
    """Whether `socket.bind` can encode a host; for another it raises `TypeError`."""
    try:
        return host.isascii() or bool(host.encode("idna"))
    except UnicodeError:
        return False


def _file_server(args: argparse.Namespace, own: Identity, output: Output) -> FileServer:
    from ._file_server import FileServer

    backend = get_backend(args.backend)
    names = tuple(map(next_protocol, args.alpn))
    context = backend.server_context(TLSServerConfiguration(identities=(own,), inner_protocols=names))
    try:
        return FileServer(context, args.bind, args.port, args.directory, output)
    except OSError as error:
        raise CommandError(
            f"cannot listen on {args.bind} port {args.port} ({error.strerror or error}). "
            "Choose another --bind or --port.",
            USAGE,
        ) from error


def _identity(args: argparse.Namespace, stack: contextlib.ExitStack) -> tuple[Identity, str | None]:
    """Who the server is, and the file of the throw-away authority if there is one."""
    if args.cert is not None:
        return _given_identity(args.cert, args.key or args.cert), None
    if not can_make_certificates():
        raise CommandError(
            "making a throw-away certificate needs the package 'cryptography'. "
            "Install it (pip install 'unitls[cli]'), or give --cert and --key.",
            USAGE,
        )
    authority = CertificateAuthority.create("throw-away authority of unitls serve")
    dns_names, ip_addresses = _names(args.bind)
    issued = authority.issue(dns_names=dns_names, ip_addresses=ip_addresses, purposes=["server"])
    return identity(issued), stack.enter_context(_temporary_file(authority.certificate_pem))


def _names(bind: str) -> tuple[list[str], list[str]]:
    """What the certificate is for: this machine by its usual names, and the address it listens on."""
    dns_names, ip_addresses = {"localhost": None}, {"127.0.0.1": None, "::1": None}
    try:
        subject = parse_subject(bind)
    except ConfigurationError as error:
        raise CommandError(f"{error}. Give an address of this machine to --bind.", USAGE) from error
    (ip_addresses if isinstance(subject, IPAddress) else dns_names)[str(subject)] = None
    return list(dns_names), list(ip_addresses)


def _given_identity(certificate: str, key: str) -> Identity:
    try:
        return Identity(load_chain(certificate), PrivateKey.from_file(key, _ask_for_passphrase))
    except OSError as error:
        raise CommandError(
            f"{error.filename} cannot be read ({error.strerror}). Check the path and its permissions.", USAGE
        ) from error


def _ask_for_passphrase() -> bytes:
    if sys.stdin is None or not sys.stdin.isatty():
        raise CommandError("the key is encrypted, and there is no terminal to ask for its passphrase.", USAGE)
    try:
        return getpass.getpass("passphrase of the private key: ").encode()
    except EOFError:
        raise CommandError("the key is encrypted, and no passphrase was given.", USAGE) from None
    except UnicodeError:  # which holds what was typed
        raise CommandError("the passphrase is not text in the encoding of the terminal.", USAGE) from None


@contextlib.contextmanager
def _temporary_file(content: bytes) -> Iterator[str]:
    handle, path = tempfile.mkstemp(prefix="unitls-ca-", suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        yield path
    finally:
        Path(path).unlink(missing_ok=True)


def _announce(server: FileServer, args: argparse.Namespace, authority: str | None, output: Output) -> None:
    host, port = server.server_address[:2]
    shown = _reachable(str(host))
    url = f"https://{shown}:{port}/"
    output.line("serving ", Styled(os.path.abspath(args.directory), "strong"), " at ", Styled(url, "strong"))
    if authority is not None:
        output.line("a throw-away certificate; its authority is in ", authority, " until this ends")
        output.line("try:  curl --cacert ", authority, " ", url)
    output.line(Styled("Ctrl-C ends it", "dim"))


def _reachable(host: str) -> str:
    """How a client on this machine reaches what listens on `host`."""
    if host in ("127.0.0.1", "::1", "0.0.0.0", "::"):
        return "localhost" if host in ("127.0.0.1", "0.0.0.0") else "[::1]"
    return f"[{host}]" if ":" in host else host


COMMAND = Command(
    name="serve",
    summary="a small HTTPS file server",
    description=(
        "Serve the files of a directory over HTTPS, for trying clients. Without --cert a throw-away authority and a\n"
        "certificate for localhost are made. A failed handshake ends its own connection only. One line is printed\n"
        "for each request. Symbolic links are followed, also out of the directory. It is no server for the open internet."
    ),
    examples=(
        "unitls serve\n"
        "unitls serve public --port 8443 --cert fullchain.pem --key privkey.pem\n"
        "unitls serve --bind :: --port 0 --backend openssl"
    ),
    add_arguments=add_arguments,
    run=run,
)
