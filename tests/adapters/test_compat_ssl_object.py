"""`SSLObject` on every backend: TLS between two memory buffers, as asyncio, trio and anyio use it."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from _compat import NAME, client_context, files, server_context

import unitls
import unitls.compat.ssl as face
from unitls import Feature


class Ends:
    """A client and a server, whose ciphertext is carried by hand."""

    def __init__(self, backend: unitls.Backend, client: Any = None, server: Any = None, name: Any = NAME) -> None:
        self.to_server, self.to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.from_server, self.from_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = (client or client_context(backend)).wrap_bio(
            self.to_client, self.from_client, server_hostname=name
        )
        self.server = (server or server_context(backend)).wrap_bio(self.to_server, self.from_server, server_side=True)

    def carry(self) -> None:
        self.to_server.write(self.from_client.read())
        self.to_client.write(self.from_server.read())

    def shake_hands(self) -> Ends:
        waiting = [self.client, self.server]
        for _ in range(40):
            for side in tuple(waiting):
                try:
                    side.do_handshake()
                    waiting.remove(side)
                except ssl.SSLWantReadError:
                    pass
                self.carry()
            if not waiting:
                return self
        raise AssertionError("the handshake does not end")


def test_a_connection_from_beginning_to_end(backend: unitls.Backend) -> None:
    ends = Ends(backend).shake_hands()
    client, server = ends.client, ends.server
    assert isinstance(client, ssl.SSLObject)
    assert (client.server_side, server.server_side) == (False, True)
    assert client.server_hostname == NAME
    assert client.context.backend is backend
    assert client.write(b"some data") == 9
    ends.carry()
    assert server.read(4) == b"some"
    assert server.pending() == 5
    buffer = bytearray(10)
    assert server.read(10, buffer) == 5
    assert buffer[:5] == b" data"
    with pytest.raises(ssl.SSLWantReadError) as caught:
        server.read(1)
    assert caught.value.errno == ssl.SSL_ERROR_WANT_READ
    assert client.getpeercert()["subjectAltName"][0] == ("DNS", NAME)
    assert client.version() == server.version()
    assert client.cipher() == server.cipher()
    assert client.get_channel_binding("tls-server-end-point") or not backend.capabilities.supports(
        Feature.TLS_SERVER_END_POINT_BINDING
    )


def test_what_is_large_goes_in_one_call(backend: unitls.Backend) -> None:
    """Programs do not look at how much of it was written: with OpenSSL it is all."""
    ends = Ends(backend).shake_hands()
    data, got = bytes(range(256)) * 4000, b""
    assert ends.client.write(data) == len(data)
    assert ends.client.write(b"") == 0
    ends.carry()
    while len(got) < len(data):
        got += ends.server.read(100_000)
    assert got == data


def test_unwrap_takes_two_steps(backend: unitls.Backend) -> None:
    ends = Ends(backend).shake_hands()
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.unwrap()
    ends.carry()
    assert ends.server.read(10) == b""
    assert ends.server.unwrap() is None
    ends.carry()
    assert ends.client.unwrap() is None


def test_what_follows_the_end_stays_in_the_buffer(backend: unitls.Backend) -> None:
    """Trio takes it from there."""
    ends = Ends(backend).shake_hands()
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.unwrap()
    ends.to_server.write(ends.from_client.read() + b"in the clear")
    ends.server.unwrap()
    assert ends.to_server.read() == b"in the clear"


def test_data_behind_our_end_is_not_swallowed(backend: unitls.Backend) -> None:
    ends = Ends(backend).shake_hands()
    ends.server.write(b"unread")
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.unwrap()
    ends.carry()
    with pytest.raises(ssl.SSLError) as caught:
        ends.client.unwrap()
    assert caught.value.reason == "APPLICATION_DATA_AFTER_CLOSE_NOTIFY"


@pytest.mark.parametrize("ignored", [False, True])
def test_an_end_without_close_notify(backend: unitls.Backend, ignored: bool) -> None:
    client = client_context(backend)
    if ignored:
        client.options |= face.OP_IGNORE_UNEXPECTED_EOF
    ends = Ends(backend, client).shake_hands()
    ends.to_client.write_eof()
    if ignored:
        assert ends.client.read(1) == b""
        assert ends.client.read(1, bytearray(1)) == 0
        return
    with pytest.raises(ssl.SSLEOFError) as caught:
        ends.client.read(1)
    assert "UNEXPECTED_EOF_WHILE_READING" in caught.value.strerror  # what trio and anyio look for
    assert caught.value.errno == ssl.SSL_ERROR_EOF


def test_an_end_in_the_handshake(backend: unitls.Backend) -> None:
    ends = Ends(backend)
    ends.to_client.write_eof()
    with pytest.raises(ssl.SSLEOFError):
        ends.client.do_handshake()


def test_the_first_use_does_the_handshake(backend: unitls.Backend) -> None:
    ends = Ends(backend)
    with pytest.raises(ssl.SSLWantReadError):
        ends.client.write(b"data")
    for _ in range(10):
        ends.carry()
        for use in (lambda: ends.server.read(1), lambda: ends.client.read(1)):
            with pytest.raises(ssl.SSLWantReadError):
                use()
    assert ends.client.write(b"x") == 1


def test_before_the_handshake_little_is_known(backend: unitls.Backend) -> None:
    ends = Ends(backend)
    with pytest.raises(ValueError, match="handshake not done"):
        ends.client.getpeercert()
    for call in ("cipher", "version", "selected_alpn_protocol", "shared_ciphers", "get_channel_binding"):
        assert getattr(ends.client, call)() is None
    assert ends.client.pending() == 0


@pytest.mark.parametrize("name", ["another.test", "127.0.0.2"])
def test_another_name_is_refused(backend: unitls.Backend, name: str) -> None:
    ends = Ends(backend, name=name)
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        ends.shake_hands()
    assert caught.value.verify_code in (62, 64)
    assert name in caught.value.verify_message


def test_a_session_can_be_set_before_the_handshake(backend: unitls.Backend) -> None:
    if not all(map(backend.capabilities.supports, (Feature.SESSION_RESUMPTION, Feature.RESUMPTION_INFORMATION))):
        pytest.skip(backend.capabilities.reason(Feature.SESSION_RESUMPTION) or "it does not tell")
    client, server = client_context(backend), server_context(backend)
    first = Ends(backend, client, server).shake_hands()
    first.server.write(b"x")
    first.carry()
    first.client.read(1)
    second = Ends(backend, client, server)
    second.client.session = first.client.session
    second.shake_hands()
    assert second.client.session_reused is True
    with pytest.raises(ValueError, match="after handshake"):
        second.client.session = first.client.session
    with pytest.raises(ValueError, match="server-side"):
        second.server.session = first.client.session


def test_the_server_name_callback_gets_the_object(backend: unitls.Backend) -> None:
    server, seen = server_context(backend), []
    server.sni_callback = lambda *arguments: seen.append(arguments)
    ends = Ends(backend, server=server).shake_hands()
    assert seen == [(ends.server, NAME, server)]


def test_only_a_context_makes_it(backend: unitls.Backend) -> None:
    with pytest.raises(TypeError, match="public constructor"):
        face.SSLObject()
    with pytest.raises(ValueError, match="requires server_hostname"):
        client_context(backend).wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())


def test_a_client_certificate_that_is_required(backend: unitls.Backend) -> None:
    server = server_context(backend)
    server.verify_mode = face.CERT_REQUIRED
    server.load_verify_locations(files().ca)
    client = client_context(backend)
    client.load_cert_chain(files().client_chain, files().client_key)
    ends = Ends(backend, client, server).shake_hands()
    assert ("DNS", "client.test") in ends.server.getpeercert()["subjectAltName"]


@pytest.mark.parametrize("keeps", [False, True])
def test_a_client_asks_for_tickets_only_where_it_keeps_sessions(backend: unitls.Backend, keeps: bool) -> None:
    """In TLS 1.2 they come in the clear, sealed with a key of the server's (RFC 5077 section 4)."""
    if not backend.capabilities.supports(unitls.Feature.SESSION_RESUMPTION):
        pytest.skip(backend.capabilities.reason(unitls.Feature.SESSION_RESUMPTION) or "")
    context, hello = client_context(backend), face.MemoryBIO()
    context.maximum_version = face.TLSVersion.TLSv1_2
    if not keeps:
        context.options |= face.OP_NO_TICKET
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(face.MemoryBIO(), hello, server_hostname=NAME).do_handshake()
    assert (b"\0\x23\0\0" in hello.read()) is keeps, "the extension session_ticket, empty"
