"""STARTTLS with a real mail server: Exim, which Debian builds on GnuTLS."""

from __future__ import annotations

import contextlib
import os
import smtplib
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from _ours import TIMEOUT
from _pki import PKI, SERVER_NAME
from _programs import DEADLINE, clean_environment, need_program

import unitls
from unitls import Feature

pytestmark = pytest.mark.needs(Feature.CLIENT, Feature.CUSTOM_TRUST_STORE)
_IS_ROOT = os.name == "posix" and os.geteuid() == 0
_CONFIGURATION = """
primary_hostname = {name}
spool_directory = {folder}/spool
log_file_path = {folder}/spool/log/%slog
keep_environment =
host_lookup =
rfc1413_hosts =
queue_only
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.key
tls_verify_certificates = {folder}/ca.pem
{verify} = *
acl_smtp_mail = accept encrypted = *
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
keep:
  driver = accept
  transport = none
begin transports
none:
  driver = appendfile
  file = {folder}/mail
"""


class _Mail(smtplib.SMTP):
    """A client of SMTP over a socket that exists already."""

    def __init__(self, raw: socket.socket) -> None:
        super().__init__(local_hostname="client.test", timeout=TIMEOUT)
        self.sock = raw
        self._reply_of(self.getreply(), 220)
        self.ehlo()

    def start(self, context: unitls.ClientContext, name: str = SERVER_NAME) -> unitls.TLSWrappedSocket:
        """Switch to TLS, and forget all that was said in the clear."""
        self._reply_of(self.docmd("STARTTLS"), 220)
        assert self.file is not None
        self.file.close()
        self.file = None
        assert self.sock is not None
        connection = context.wrap_socket(self.sock, server_hostname=name)
        self.sock = connection  # type: ignore[assignment]
        self.ehlo()
        return connection

    @staticmethod
    def _reply_of(reply: tuple[int, bytes], expected: int) -> None:
        assert reply[0] == expected, reply


@contextlib.contextmanager
def _exim(pki: PKI, *, demands_certificate: bool) -> Iterator[tuple[_Mail, Path]]:
    """A session with an Exim of its own, started for one connection, and its folder."""
    program = need_program("exim4")
    with tempfile.TemporaryDirectory(prefix="exim-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # started as root, Exim reads it as its own user
        for file in ("server.pem", "server.key", "ca.pem"):
            (folder / file).write_bytes((pki.folder / file).read_bytes())
        verify = "tls_verify_hosts" if demands_certificate else "tls_try_verify_hosts"
        (folder / "exim.conf").write_text(_CONFIGURATION.format(name=SERVER_NAME, folder=folder, verify=verify))
        ours, theirs = _connection()
        with theirs:
            process = subprocess.Popen(
                [program, "-C", str(folder / "exim.conf"), "-bs"],
                stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, env=clean_environment(),
            )  # fmt: skip
        try:
            with contextlib.closing(_Mail(ours)) as mail:
                yield mail, folder
            process.wait(DEADLINE)
        finally:
            ours.close()
            process.kill()
            process.wait(DEADLINE)


def _connection() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection, over loopback where Exim takes one: it trusts inetd's only when started by root."""
    if not _IS_ROOT:
        ours, theirs = socket.socketpair()
        ours.settimeout(TIMEOUT)
        return ours, theirs
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ours = socket.create_connection(listener.getsockname(), TIMEOUT)
        return ours, listener.accept()[0]


def _context(backend: unitls.Backend, pki: PKI, trust: str = "ca", *identities: str) -> unitls.ClientContext:
    return backend.client_context(
        unitls.TLSClientConfiguration(
            trust_store=pki.trust(trust), identities=tuple(pki.identity(name) for name in identities)
        )
    )


def test_mail_is_delivered(backend: unitls.Backend, pki: PKI) -> None:
    """A message goes out over TLS to a server that takes none in the clear."""
    text = "a line of text\r\n" * 20_000
    with _exim(pki, demands_certificate=False) as (mail, folder):
        assert mail.mail("sender@client.test")[0] == 550
        connection = mail.start(_context(backend, pki))
        assert connection.negotiated_tls_version in backend.capabilities.versions
        if _IS_ROOT:
            mail.sendmail("sender@client.test", ["to@server.test"], f"Subject: a test\r\n\r\n{text}")
            queued = list((folder / "spool" / "input").glob("*-D"))
            assert [text.replace("\r\n", "\n") in item.read_text() for item in queued] == [True]
        else:  # only root may put files into Exim's queue
            assert mail.mail("sender@client.test")[0] == 250
            assert mail.rcpt("to@server.test")[0] == 250
        assert mail.quit()[0] == 221


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_client_certificate(backend: unitls.Backend, pki: PKI) -> None:
    """The mail server demands a certificate; with ours it serves us."""
    with _exim(pki, demands_certificate=True) as (mail, _):
        mail.start(_context(backend, pki, "ca", "client"))
        assert mail.noop()[0] == 250
        assert mail.quit()[0] == 221


@pytest.mark.needs(Feature.CLIENT_CERTIFICATES)
def test_no_client_certificate(backend: unitls.Backend, pki: PKI) -> None:
    """Without one it ends the connection, and says why."""
    with _exim(pki, demands_certificate=True) as (mail, _):
        with pytest.raises((unitls.PeerAlert, smtplib.SMTPServerDisconnected)) as caught:
            mail.start(_context(backend, pki))
        causes = (caught.value, caught.value.__context__)
        assert any(isinstance(error, unitls.PeerAlert) for error in causes)


@pytest.mark.parametrize(
    ("trust", "name", "failure"),
    [
        ("stranger", SERVER_NAME, unitls.VerifyFailure.UNKNOWN_ISSUER),
        ("ca", "other.test", unitls.VerifyFailure.NAME_MISMATCH),
    ],
)
def test_wrong_certificate(
    backend: unitls.Backend, pki: PKI, trust: str, name: str, failure: unitls.VerifyFailure
) -> None:
    """A mail server that we do not trust, or another one, is refused."""
    with _exim(pki, demands_certificate=False) as (mail, _):
        with pytest.raises(unitls.CertificateVerificationError) as caught:
            mail.start(_context(backend, pki, trust), name)
        assert caught.value.failure is failure
