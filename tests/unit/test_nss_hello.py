"""What NSS does with the first flight of TLS 1.3 and later: early data, and the encrypted ClientHello."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from _link import IDS, Link
from _nss import BACKEND, HOST, client, server, trust

import unitls
from unitls import Feature, SessionCache, TLSVersion
from unitls.backends.nss import _early, native
from unitls.backends.nss.native import checked, ffi, nss, present
from unitls.core._client_hello import ClientHelloReader

STORE = trust(IDS.authority)
TLS13 = {"lower_bound": TLSVersion.TLSv1_3}
_LIMIT = 1000


# ---------------------------------------------------------------------------------------------- early data


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server of NSS refuses early data that is some seconds older than it should be: a machine may stand still so long."""
    monkeypatch.setattr(_early, "_WINDOW", 100 * _early._WINDOW)


def visited(caller: unitls.ClientContext, answerer: unitls.ServerContext) -> None:
    """A first connection that ends well, after which the client has a ticket."""
    link = Link(caller, answerer, host=HOST).handshake()
    link.server.write(b"hello")
    link.move()
    assert link.client.read() == b"hello"
    link.client.shutdown()
    link.server.shutdown()
    link.move()
    assert link.client.read() == link.server.read() == b""


def early(**more: Any) -> unitls.ClientContext:
    return client(STORE, early_data=True, session_cache=SessionCache(), **TLS13, **more)


@pytest.mark.parametrize("other", ["gnutls", "pyopenssl", "rustls"])
@pytest.mark.parametrize("role", ["client", "server"])
def test_early_data_with_others(other: str, role: str) -> None:
    """What one end writes before the handshake is read at the other, whoever that is."""
    pytest.importorskip(f"unitls.backends.{other}", exc_type=ImportError)
    backend = unitls.get_backend(other)
    if not backend.capabilities.supports(Feature.EARLY_DATA):
        pytest.skip(f"{other} has no early data here")
    kinds = (BACKEND, backend) if role == "client" else (backend, BACKEND)
    configuration = unitls.TLSClientConfiguration(
        trust_store=STORE, early_data=True, session_cache=SessionCache(), **TLS13
    )
    caller = kinds[0].client_context(configuration)
    identities = server(IDS.server).configuration.identities
    answerer = kinds[1].server_context(unitls.TLSServerConfiguration(identities=identities, max_early_data=_LIMIT))
    visited(caller, answerer)
    link = Link(caller, answerer, host=HOST)
    assert link.client.write_early_data(b"early") == 5
    link.handshake()
    assert link.client.early_data_accepted
    assert link.server.read_early_data() == b"early"


def test_early_data_in_pieces_is_told_from_what_comes_behind_it() -> None:
    caller, answerer = early(), server(IDS.server, max_early_data=100_000)
    visited(caller, answerer)
    link = Link(caller, answerer, host=HOST)
    data = bytes(range(250)) * 200
    taken = 0
    while taken < len(data):
        taken += link.client.write_early_data(data[taken : taken + 20_000])
    first = link.to_server()
    with pytest.raises(unitls.WantReadError):
        link.server.do_handshake()
    assert link.server.read_early_data() == data, "it is there before the handshake is done"
    link.to_client()
    link.client.do_handshake()
    link.client.write(b"behind it")  # comes together with the end of the early data, and the end of the handshake
    link.to_server()
    link.server.do_handshake()
    assert link.server.read_early_data() == b""
    assert link.server.read() == b"behind it"
    assert first.count(b"\x17\x03\x03") >= 3, "it went in several records"


def test_a_session_whose_server_takes_none() -> None:
    caller, answerer = early(), server(IDS.server)
    visited(caller, answerer)
    link = Link(caller, answerer, host=HOST)
    assert link.client.write_early_data(b"early") == 0
    link.handshake()
    assert link.client.session_resumed
    assert link.client.early_data_accepted is None, "there was none"


def test_a_replayed_hello_finds_no_early_data() -> None:
    """The second time the ClientHello is good for a resumption only; the connection of a first time is not disturbed."""
    caller, answerer = early(), server(IDS.server, max_early_data=_LIMIT)
    visited(caller, answerer)
    link = Link(caller, answerer, host=HOST)
    link.client.write_early_data(b"pay once")
    flight = link.client_out.read()
    heard = []
    for _ in range(2):
        replay = Link(caller, answerer, host=HOST)
        replay.server_in.write(flight)
        with pytest.raises(unitls.WantReadError):
            replay.server.do_handshake()
        heard.append(replay.server.read_early_data())
    assert heard == [b"pay once", b""]


def test_what_another_context_has_sent_does_not_stop_the_early_data_of_our_own_tickets() -> None:
    """A foreign ticket counts as expired, by a clock that the memory of ClientHellos must not be set to."""
    answerer, stranger = server(IDS.server, max_early_data=_LIMIT), server(IDS.server, max_early_data=_LIMIT)
    foreign, own = early(), early()
    visited(foreign, stranger)
    visited(own, answerer)
    link = Link(foreign, answerer, host=HOST)
    link.client.write_early_data(b"for another")
    link.handshake()
    assert (link.client.early_data_accepted, link.server.early_data_accepted) == (False, None)
    assert link.server.read_early_data() == b""
    link = Link(own, answerer, host=HOST)
    link.client.write_early_data(b"for us")
    assert link.handshake().server.read_early_data() == b"for us"


def test_the_key_log_has_the_secret_of_early_data(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    caller, answerer = early(key_log=str(path)), server(IDS.server, max_early_data=_LIMIT)
    visited(caller, answerer)
    path.write_text("")
    link = Link(caller, answerer, host=HOST)
    link.client.write_early_data(b"early")
    hello = ClientHelloReader().feed(link.to_server())
    link.handshake()
    assert hello is not None
    assert hello.early_data
    lines = [line.split() for line in path.read_text().splitlines()]
    assert {line[1] for line in lines} == {hello.random.hex()}
    assert "CLIENT_EARLY_TRAFFIC_SECRET" in [line[0] for line in lines]


# ---------------------------------------------------------------------------------------------- the encrypted ClientHello

_X25519 = bytes.fromhex("06092b06010401da470f01")
"""The object identifier by which NSS calls the curve."""


def _key_pair() -> tuple[Any, Any]:
    parameters, _held = native.item(_X25519)
    public, slot = ffi.new("SECKEYPublicKey **"), nss.PK11_GetInternalSlot()
    private = present(nss.PK11_GenerateKeyPair(slot, 0x1040, parameters, public, 0, 0, ffi.NULL))  # CKM_EC_KEY_PAIR_GEN
    nss.PK11_FreeSlot(slot)
    return ffi.gc(public[0], nss.SECKEY_DestroyPublicKey), ffi.gc(private, nss.SECKEY_DestroyPrivateKey)


def _published(public: Any) -> bytes:
    """An ECHConfigList for a key: X25519 with SHA-256, and AES-128-GCM."""
    encode = native.experimental(
        "SSL_EncodeEchConfigId",
        "int(*)(uint8_t, const char *, unsigned int, int, const SECKEYPublicKey *, const uint32_t *, unsigned int, "
        "uint8_t *, unsigned int *, unsigned int)",
    )
    suites, room, size = ffi.new("uint32_t[2]", [1, 1]), ffi.new("uint8_t[1000]"), ffi.new("unsigned int *")
    checked(encode(7, b"public.test", 100, 0x20, public, suites, 1, room, size, 1000))
    return bytes(ffi.buffer(room, size[0]))


@pytest.fixture(scope="module")
def keys() -> tuple[Any, Any, bytes]:
    public, private = _key_pair()
    return public, private, _published(public)


def hidden_server(keys: tuple[Any, Any, bytes]) -> unitls.ServerContext:
    """A server that can decrypt a ClientHello, for which NSS has a call."""
    context: Any = server(IDS.server, **TLS13)
    set_configs = native.experimental(
        "SSL_SetServerEchConfigs",
        "int(*)(PRFileDesc *, const SECKEYPublicKey *, const SECKEYPrivateKey *, const uint8_t *, unsigned int)",
    )
    public, private, configs = keys
    checked(set_configs(context._natives.get().model, public, private, configs, len(configs)))
    return context  # type: ignore[no-any-return]


def test_the_name_is_hidden(keys: tuple[Any, Any, bytes]) -> None:
    link = Link(client(STORE, ech_config_list=keys[2], **TLS13), hidden_server(keys), host=HOST)
    with pytest.raises(unitls.WantReadError):
        link.client.do_handshake()
    flight = link.to_server()
    assert HOST.encode() not in flight
    assert b"public.test" in flight
    link.handshake()
    link.client.write(b"hidden")
    link.move()
    assert link.server.read() == b"hidden"


def test_a_server_that_does_not_decrypt_it_is_refused(keys: tuple[Any, Any, bytes]) -> None:
    """With another key, or none: the client does not go on under the public name, whatever the certificate says."""
    other = _key_pair()
    for answerer in (server(IDS.server, **TLS13), hidden_server((*other, _published(other[0])))):
        link = Link(client(STORE, ech_config_list=keys[2], **TLS13), answerer, host=HOST)
        with pytest.raises(unitls.ProtocolViolation, match="does not take this Encrypted ClientHello"):
            link.handshake()
        link.move()
        with pytest.raises(unitls.PeerAlert):
            link.server.do_handshake()


def test_what_cannot_be_hidden_is_refused(keys: tuple[Any, Any, bytes]) -> None:
    with pytest.raises(unitls.ConfigurationError, match="there is none"):
        Link(client(STORE, ech_config_list=keys[2], **TLS13), server(IDS.server), host="127.0.0.1")
    with pytest.raises(unitls.ConfigurationError, match="lower_bound"):
        client(STORE, ech_config_list=keys[2])
    with pytest.raises(unitls.ConfigurationError, match="damaged"):
        client(STORE, ech_config_list=bytes(64), **TLS13)
