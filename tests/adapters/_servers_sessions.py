"""What the clients do with each server. Nothing here needs the module `ssl`: the same is run where it cannot be imported."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import urllib.error
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import unitls
from unitls.stdlib import ftplib, http_client, imaplib, nntplib, poplib, smtplib, urllib_request

HOST, ADDRESS = "localhost", "127.0.0.1"
TIMEOUT = 60.0
USER, PASSWORD = "reader", "secret"


@dataclass(frozen=True, slots=True)
class Session:
    """A backend, and the server to use it with.

    Attributes:
        backend: the backend.
        ports: of the server, by name.
        ca: a file with the server's authority.
        stranger: a file with another one.
    """

    backend: unitls.Backend
    ports: dict[str, int]
    ca: str
    stranger: str

    def context(self, trust: str | None = None, **more: Any) -> unitls.ClientContext:
        """A client context that verifies the server."""
        store = unitls.TrustStore.from_file(trust or self.ca)
        return self.backend.client_context(unitls.TLSClientConfiguration(trust_store=store, **more))

    def refuses(self, attempt: Callable[[str, unitls.ClientContext], object]) -> None:
        """The server is refused if we do not trust its authority, and under another name than its own."""
        failure = unitls.VerifyFailure
        for host, trust, reason in (
            (HOST, self.stranger, failure.UNKNOWN_ISSUER),
            (ADDRESS, self.ca, failure.NAME_MISMATCH),
        ):
            with refused(reason):
                attempt(host, self.context(trust))


@contextlib.contextmanager
def refused(reason: unitls.VerifyFailure) -> Iterator[None]:
    """What is done within ends because of the certificate, for this reason and no other."""
    try:
        yield
    except unitls.CertificateVerificationError as error:
        found: Any = error
    except urllib.error.URLError as error:
        found = error.reason
    else:
        raise AssertionError(f"{reason}: the server was accepted")
    assert found.failure is reason, found


def is_protected(sock: Any) -> bool:
    """Whether a client's socket is a wrapped one, whose peer was verified."""
    return isinstance(sock, unitls.TLSWrappedSocket) and sock.configuration.validate_certificates


# ---------------------------------------------------------------------------------------------- FTP


def ftp(session: Session) -> None:
    """Log in, list, fetch and store, protected; then without protection of the data, and of the commands."""
    with ftplib.FTP_TLS(context=session.context(), timeout=TIMEOUT) as client:
        client.connect(HOST, session.ports["plain"])
        client.login(USER, PASSWORD)
        _use_ftp(client, "explicit")
        client.prot_c()
        data = client.transfercmd("NLST")
        assert not is_protected(data)
        data.close()
        client.voidresp()
        client.prot_p()
        assert client.ccc().startswith("2")
        assert not is_protected(client.sock)
        assert client.pwd()


def ftp_implicit(session: Session) -> None:
    """The same with TLS from the beginning."""
    with ftplib.FTP_TLS(context=session.context(), timeout=TIMEOUT, implicit=True) as client:
        client.connect(HOST, session.ports["tls"])
        client.login(USER, PASSWORD)
        _use_ftp(client, "implicit")


def _use_ftp(client: ftplib.FTP_TLS, name: str) -> None:
    """Protected data both ways; the server takes only data connections that resume the session."""
    assert is_protected(client.sock)
    assert client.prot_p().startswith("200")
    lines: list[str] = []
    client.retrlines("RETR hello.txt", lines.append)
    assert lines == ["hello", "world"]
    assert "hello.txt" in client.nlst()
    got = io.BytesIO()
    assert client.retrbinary("RETR hello.txt", got.write).startswith("226")
    assert got.getvalue() == b"hello\r\nworld\r\n"
    content = bytes(range(256)) * 2000
    assert client.storbinary(f"STOR {name}.bin", io.BytesIO(content)).startswith("226")
    assert client.size(f"{name}.bin") == len(content)


def ftp_many(session: Session) -> None:
    """Many transfers one after the other, passive and active, over TLS 1.2: one session serves all of them."""
    context = session.context(upper_bound=unitls.TLSVersion.TLSv1_2)
    with ftplib.FTP_TLS(context=context, timeout=TIMEOUT) as client:
        client.connect(HOST, session.ports["plain"])
        client.login(USER, PASSWORD)
        client.prot_p()
        for number in range(6):
            client.set_pasv(number % 2 == 0)
            content = b"line of %d\n" % number * 1000 * number  # the server, too, ends its lines like that
            client.storlines("STOR many.txt", io.BytesIO(content))
            got = io.BytesIO()
            client.retrbinary("RETR many.txt", got.write, rest=5 if number else None)
            assert got.getvalue() == content[5 if number else 0 :]
        data = client.transfercmd("NLST")
        assert isinstance(data, unitls.TLSWrappedSocket)
        assert data.session_resumed
        while data.recv(1000):
            pass
        data.close()
        client.voidresp()


def ftp_refused(session: Session) -> None:
    """A bad certificate on the control connection."""

    def explicit(host: str, context: unitls.ClientContext) -> None:
        with ftplib.FTP_TLS(context=context, timeout=TIMEOUT) as client:
            client.connect(host, session.ports["plain"])
            client.login(USER, PASSWORD)

    def implicit(host: str, context: unitls.ClientContext) -> None:
        with ftplib.FTP_TLS(context=context, timeout=TIMEOUT, implicit=True) as client:
            client.connect(host, session.ports["tls"])

    session.refuses(explicit)
    session.refuses(implicit)


# ---------------------------------------------------------------------------------------------- mail


def imap(session: Session) -> None:
    """Read a message by IMAP, with TLS from the beginning and after STARTTLS."""

    def implicit(host: str, context: unitls.ClientContext) -> imaplib.IMAP4:
        return imaplib.IMAP4_SSL(host, session.ports["imaps"], ssl_context=context, timeout=TIMEOUT)

    def explicit(host: str, context: unitls.ClientContext) -> imaplib.IMAP4:
        client = imaplib.IMAP4(host, session.ports["imap"], timeout=TIMEOUT)
        with contextlib.ExitStack() as failed:
            failed.enter_context(client)
            assert "STARTTLS" in client.capabilities
            assert client.starttls(context)[0] == "OK"
            assert "STARTTLS" not in client.capabilities
            failed.pop_all()
        return client

    for connect in (implicit, explicit):
        with connect(HOST, session.context()) as client:
            assert is_protected(client.sock)
            assert client.login(USER, PASSWORD)[0] == "OK"
            assert client.select("INBOX", readonly=True) == ("OK", [b"1"])
            kind, data = client.fetch("1", "(BODY[])")
            assert kind == "OK"
            assert b".a line with a dot" in data[0][1]
        session.refuses(connect)


def pop3(session: Session) -> None:
    """Read a message by POP3, with TLS from the beginning and after STLS."""

    def implicit(host: str, context: unitls.ClientContext) -> poplib.POP3:
        return poplib.POP3_SSL(host, session.ports["pop3s"], context=context, timeout=TIMEOUT)

    def explicit(host: str, context: unitls.ClientContext) -> poplib.POP3:
        client = poplib.POP3(host, session.ports["pop3"], timeout=TIMEOUT)
        assert client.stls(context).startswith(b"+OK")
        return client

    for connect in (implicit, explicit):
        client = connect(HOST, session.context())
        assert is_protected(client.sock)
        client.user(USER)
        client.pass_(PASSWORD)
        assert client.stat()[0] == 1
        assert b".a line with a dot" in client.retr(1)[1]
        client.quit()
        session.refuses(connect)


def smtp(session: Session) -> None:
    """Send a message, with TLS from the beginning and after STARTTLS; in the clear the server takes none."""

    def implicit(host: str, context: unitls.ClientContext) -> smtplib.SMTP:
        return smtplib.SMTP_SSL(host, session.ports["tls"], "client.test", context=context, timeout=TIMEOUT)

    def explicit(host: str, context: unitls.ClientContext) -> smtplib.SMTP:
        client = smtplib.SMTP(local_hostname="client.test", timeout=TIMEOUT)
        assert (
            client.connect(host, session.ports["plain"])[0] == 220
        )  # not in the constructor: the name counts all the same
        assert client.starttls(context=context)[0] == 220
        return client

    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "a test", "a@client.test", "b@server.test"
    message.set_content("a line of text\n" * 3000)
    for connect in (implicit, explicit):
        with connect(HOST, session.context()) as client:
            assert is_protected(client.sock)
            assert client.ehlo()[0] == 250
            assert not client.has_extn("starttls")
            if os.geteuid() == 0:
                assert client.send_message(message) == {}
            else:  # only root may put files into Exim's queue
                assert client.mail("a@client.test")[0] == 250
                assert client.rcpt("b@server.test")[0] == 250
        session.refuses(connect)


# ---------------------------------------------------------------------------------------------- news


def news(session: Session, module: Any = nntplib) -> None:
    """Read and post, with TLS from the beginning and after STARTTLS."""

    def implicit(host: str, context: unitls.ClientContext) -> Any:
        return module.NNTP_SSL(host, session.ports["tls"], ssl_context=context, timeout=TIMEOUT)

    def explicit(host: str, context: unitls.ClientContext) -> Any:
        client = module.NNTP(host, session.ports["plain"], timeout=TIMEOUT)
        assert "STARTTLS" in client.getcapabilities()
        client.starttls(context)
        return client

    for connect in (implicit, explicit):
        with connect(HOST, session.context()) as client:
            assert is_protected(client.sock)
            assert client.tls_on
            assert "STARTTLS" not in client.getcapabilities()
            client.login(USER, PASSWORD, usenetrc=False)
            _read_news(client)
            article = b"From: a@b.test\nNewsgroups: unitls.test\nSubject: hello\n\n.a line with a dot\nthe end\n"
            assert client.post(article).startswith("240")
        session.refuses(connect)


def _read_news(client: Any) -> None:
    assert client.group("unitls.test")[1:] == (2, 1, 2, "unitls.test")
    assert [group.group for group in client.list()[1]] == ["unitls.test"]
    assert client.description("unitls.test") == "A group for tests"
    assert client.article("<1@news.test>")[1].lines[-2:] == [b".a line with a dot", b"body 1"]
    assert b"Subject: article 2" in client.head(2)[1].lines
    kept = io.BytesIO()
    client.body(2, file=kept)
    assert kept.getvalue() == b".a line with a dot\r\nbody 2\r\n"
    assert [fields["subject"] for _, fields in client.over((1, 2))[1]] == ["article 1", "article 2"]
    assert client.xhdr("subject", "1-2")[1] == [("1", "article 1"), ("2", "article 2")]
    assert client.stat(1)[1:] == (1, "<1@news.test>")
    assert client.next()[1:] == (2, "<2@news.test>")
    assert client.last()[1:] == (1, "<1@news.test>")
    assert client.date()[1].year > 2020
    assert client.help()[1]


# ---------------------------------------------------------------------------------------------- HTTP


def http(session: Session) -> None:
    """Requests over one connection, directly and through a proxy."""
    offers = session.backend.capabilities.supports(unitls.Feature.ALPN)
    more = {"inner_protocols": (unitls.NextProtocol.HTTP1,)} if offers else {}

    def direct(host: str, context: unitls.ClientContext) -> http_client.HTTPSConnection:
        client = http_client.HTTPSConnection(host, session.ports["tls"], context=context, timeout=TIMEOUT)
        client.connect()
        return client

    def tunnelled(host: str, context: unitls.ClientContext) -> http_client.HTTPSConnection:
        client = http_client.HTTPSConnection(ADDRESS, session.ports["proxy"], context=context, timeout=TIMEOUT)
        client.set_tunnel(host, session.ports["tls"])
        client.connect()
        return client

    for connect in (direct, tunnelled):
        client = connect(HOST, session.context(**more))
        with contextlib.closing(client):
            assert is_protected(client.sock)
            for _ in range(2):
                client.request("GET", "/report")
                protocol, alpn, name = client.getresponse().read().decode().split("|")
                assert protocol in ("TLSv1.2", "TLSv1.3")
                assert (alpn, name) == ("http/1.1" if offers else "", HOST)
            client.request("GET", "/big")
            assert client.getresponse().read() == bytes(range(256)) * 4096
        session.refuses(connect)


def urls(session: Session) -> None:
    """URLs, with a redirection, directly and through a proxy, by a context of the call and by an opener."""
    url = f"https://{HOST}:{session.ports['tls']}"
    context = session.context()
    with urllib_request.urlopen(f"{url}/moved", timeout=TIMEOUT, context=context) as response:
        assert response.url == f"{url}/report"
        assert response.read().startswith(b"TLSv1.")
    proxies = urllib_request.ProxyHandler({"https": f"http://{ADDRESS}:{session.ports['proxy']}"})
    opener = urllib_request.build_opener(proxies, urllib_request.HTTPSHandler(context=context))
    with opener.open(f"{url}/big", timeout=TIMEOUT) as response:
        assert response.read() == bytes(range(256)) * 4096
    session.refuses(
        lambda host, context: urllib_request.urlopen(
            f"https://{host}:{session.ports['tls']}/report", timeout=TIMEOUT, context=context
        )
    )
    session.refuses(
        lambda host, context: urllib_request.build_opener(proxies, context=context).open(
            f"https://{host}:{session.ports['tls']}/report", timeout=TIMEOUT
        )
    )


SESSIONS: dict[str, tuple[Callable[[Session], None], ...]] = {
    "ftp": (ftp, ftp_implicit, ftp_many, ftp_refused),
    "mail_box": (imap, pop3),
    "mail_transport": (smtp,),
    "news": (news,),
    "web": (http, urls),
}


def main(backend: str, kind: str, target: str) -> None:
    """Run all sessions with one kind of server; prints a line of JSON: what was done, or why the backend cannot be used."""
    for status in unitls.available_backends():
        if status.name == backend and not status.available:
            print(json.dumps({"unavailable": status.reason}))
            return
    known = json.loads(target)
    session = Session(unitls.get_backend(backend), known["ports"], known["ca"], known["stranger"])
    for run in SESSIONS[kind]:
        run(session)
    print(
        json.dumps(
            {"done": [run.__name__ for run in SESSIONS[kind]], "ssl": sorted({"ssl", "_ssl"} & set(sys.modules))}
        )
    )
