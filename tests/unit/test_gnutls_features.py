from __future__ import annotations

import datetime
import hashlib
import os
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from _link import IDS, TRUST, Link, identity, step

pytest.importorskip("unitls.backends.gnutls", reason="GnuTLS or cffi is not installed")
import unitls
from unitls import ClientAuthentication, Feature, SessionCache, TLSVersion, VerifyFailure
from unitls.core._client_hello import ClientHelloReader
from unitls.core._x509 import certificate_fields
from unitls.testing._ca import CertificateAuthority
from unitls.testing._zoo_files import load_key_zoo, load_ocsp

BACKEND = unitls.get_backend("gnutls")
CLIENT, SERVER = unitls.TLSClientConfiguration, unitls.TLSServerConfiguration
TLS12, TLS13 = TLSVersion.TLSv1_2, TLSVersion.TLSv1_3
KEYS = load_key_zoo()


def ends(client: dict[str, Any] | None = None, server: dict[str, Any] | None = None, **names: Any) -> Link:
    client_values = {"trust_store": TRUST, **(client or {})}
    server_values = {"identities": (identity(),), **(server or {})}
    return Link(
        BACKEND.client_context(CLIENT(**client_values)), BACKEND.server_context(SERVER(**server_values)), **names
    )


def failure(link: Link) -> unitls.CertificateVerificationError:
    """What the client has against the server; the server hears of it."""
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.handshake()
    link.move()
    with pytest.raises(unitls.PeerAlert):
        link.server.do_handshake()
    return caught.value


# ---------------------------------------------------------------------------------------------- suites and versions


@pytest.mark.parametrize("version", [TLSVersion.TLSv1, TLSVersion.TLSv1_1], ids=str)
def test_old_versions_are_there_for_who_asks(version: TLSVersion) -> None:
    if version not in BACKEND.capabilities.versions:
        pytest.skip("the system's policy forbids it")
    bounds = {"lower_bound": version, "upper_bound": version}
    link = ends(bounds, bounds).handshake()
    assert link.client.negotiated_tls_version is version
    for context in (link.client.context, link.server.context):
        assert link.client.cipher() in context.ciphers, "what is enabled for it is listed"
        assert link.client.cipher() not in BACKEND.client_context().ciphers
    with pytest.raises((unitls.PeerAlert, unitls.ProtocolViolation)):
        ends(bounds).handshake()


def test_a_client_prefers_the_highest_version() -> None:
    link = ends({"lower_bound": BACKEND.capabilities.versions[0]})
    step(link.client)
    hello = ClientHelloReader().feed(link.to_server())
    assert hello is not None
    assert hello.versions == tuple(sorted(BACKEND.capabilities.versions, reverse=True))


@pytest.mark.parametrize("suites", [(0x1301, 0xC02C), (0xC02B, 0xCCA8), (0xC030, 0xC02B)])
def test_a_server_negotiates_only_what_is_listed(suites: tuple[int, ...]) -> None:
    link = ends(server={"ciphers": suites}).handshake()
    assert link.client.cipher() in suites
    assert link.server.cipher() in suites


def test_a_client_ends_the_handshake_where_another_suite_is_picked() -> None:
    link = ends({"ciphers": (0x1301, 0xC02C)})
    with pytest.raises(unitls.ProtocolViolation, match="0x1302, which was not asked for"):
        link.handshake()
    link.to_server()
    with pytest.raises(unitls.PeerAlert) as caught:
        link.server.do_handshake()
    assert caught.value.alert is unitls.AlertDescription.ILLEGAL_PARAMETER
    assert ends({"ciphers": (0x1301, 0xC02C)}, {"ciphers": (0x1301,)}).handshake().client.cipher() == 0x1301


def test_too_many_protocols_are_refused_for_a_client_only() -> None:
    names = [b"x-%d" % number for number in range(12)]
    with pytest.raises(unitls.UnsupportedFeature, match="8 protocols") as caught:
        BACKEND.client_context(CLIENT(inner_protocols=names))
    assert caught.value.feature is Feature.ALPN
    link = ends({"inner_protocols": names[-3:]}, {"inner_protocols": names}).handshake()
    assert link.client.negotiated_protocol() == link.server.negotiated_protocol() == names[-3]


# ---------------------------------------------------------------------------------------------- keys


@pytest.mark.parametrize("name", sorted(KEYS))
def test_keys_of_all_kinds_without_the_package_cryptography(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GnuTLS decrypts them itself."""
    issued = IDS.rsa_server if name.startswith("rsa-") else IDS.server
    data, password = KEYS[name]
    for module in [item for item in sys.modules if item.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, module, None)
    chain = [unitls.Certificate.from_buffer(issued.chain[0])]
    key = unitls.PrivateKey.from_buffer(data, password)
    ends(server={"identities": (unitls.Identity(chain, key),)}).handshake()
    if password is not None:
        wrong = unitls.Identity(chain, unitls.PrivateKey.from_buffer(data, b"wrong"))
        with pytest.raises(unitls.ConfigurationError, match="passphrase"):
            BACKEND.server_context(SERVER(identities=(wrong,)))


def test_a_weak_key_is_refused() -> None:
    issued = CertificateAuthority.create().issue(dns_names=["server.test"], key_type="RSA-1024")
    with pytest.raises(unitls.ConfigurationError, match="2048"):
        BACKEND.server_context(SERVER(identities=(identity(issued),)))


# ---------------------------------------------------------------------------------------------- verification


def test_a_leaf_that_is_trusted_itself_has_to_have_the_purpose_and_the_name() -> None:
    authority = CertificateAuthority.create()
    for purposes, name, due in (
        (["server"], "server.test", None),
        (["client"], "server.test", VerifyFailure.BAD_PURPOSE),
        (["server"], "other.test", VerifyFailure.NAME_MISMATCH),
    ):
        issued = authority.issue(dns_names=["server.test"], purposes=purposes)  # type: ignore[arg-type]
        trust = unitls.TrustStore.from_buffer(issued.chain[0])
        link = ends({"trust_store": trust}, {"identities": (identity(issued),)}, host=name)
        if due is None:
            assert link.handshake().client.getverifiedchain() == [issued.chain[0]]
        else:
            assert failure(link).failure is due


def test_depth_counts_intermediates() -> None:
    authority = CertificateAuthority.create()
    issued = authority.intermediate().intermediate().issue(dns_names=["server.test"])
    trust = unitls.TrustStore.from_buffer(authority.certificate_pem)
    for depth in (2, 1):
        link = ends({"trust_store": trust, "verification_depth": depth}, {"identities": (identity(issued),)})
        if depth == 2:
            path = link.handshake().client.getverifiedchain()
            assert path == [*issued.chain, authority.certificate_der]
        else:
            assert failure(link).failure is VerifyFailure.INVALID


@pytest.mark.parametrize(
    ("years", "due"), [(-30, VerifyFailure.NOT_YET_VALID), (0, None), (300, VerifyFailure.EXPIRED)]
)
def test_a_clock_of_ones_own(years: int, due: VerifyFailure | None) -> None:
    moment = time.time() + years * 365.25 * 86400
    link = ends({"verification_time": lambda: moment})
    if due is None:
        link.handshake()
    else:
        assert failure(link).failure is due


def test_a_certificate_that_has_expired_is_good_by_an_earlier_clock() -> None:
    now = datetime.datetime.now(datetime.UTC)
    start, end = now - datetime.timedelta(days=800), now - datetime.timedelta(days=400)
    authority = CertificateAuthority.create(not_before=start, not_after=end)
    issued = authority.issue(dns_names=["server.test"])
    values = {"trust_store": unitls.TrustStore.from_buffer(authority.certificate_pem)}
    moment = (now - datetime.timedelta(days=600)).timestamp()
    server = {"identities": (identity(issued),)}
    ends({**values, "verification_time": lambda: moment}, server).handshake()
    assert failure(ends(values, server)).failure is VerifyFailure.EXPIRED


def test_stapled_responses_are_checked_by_the_clock() -> None:
    responses = {case.name: case.response for case in load_ocsp()}
    stapling = {
        name: {"identities": (unitls.Identity(identity().certificates, identity().private_key, response),)}
        for name, response in responses.items()
    }
    for version in (TLS12, TLS13):
        link = ends({"request_ocsp": True, "upper_bound": version}, stapling["good"]).handshake()
        assert link.client.ocsp_response() == responses["good"]
    then = datetime.datetime(2019, 6, 1, tzinfo=datetime.UTC).timestamp()
    assert failure(ends({"request_ocsp": True}, stapling["stale"])).failure is VerifyFailure.OTHER
    ends({"request_ocsp": True, "verification_time": lambda: then}, stapling["stale"]).handshake()


# ---------------------------------------------------------------------------------------------- after the handshake


def test_a_bad_certificate_after_the_handshake_is_refused() -> None:
    stranger = CertificateAuthority.create("stranger").issue(dns_names=["x.test"], purposes=["client"])
    server = {"post_handshake_authentication": True, "trust_store": TRUST}
    link = ends({"post_handshake_authentication": True, "identities": (identity(stranger),)}, server).handshake()
    link.server.request_client_certificate()
    link.to_client()
    with pytest.raises(unitls.WantReadError):
        link.client.read(1)
    link.to_server()
    with pytest.raises(unitls.CertificateVerificationError) as caught:
        link.server.read(1)
    assert caught.value.failure is VerifyFailure.UNKNOWN_ISSUER
    assert link.server.getpeercert() is None or link.server.getverifiedchain() == []
    link.to_client()
    with pytest.raises(unitls.PeerAlert):
        link.client.read(1)


def test_data_goes_on_while_a_certificate_is_asked_for() -> None:
    server = {"post_handshake_authentication": True, "trust_store": TRUST}
    client = {"post_handshake_authentication": True, "identities": (identity(IDS.client),)}
    link = ends(client, server).handshake()
    link.server.request_client_certificate()
    link.client.write(b"before")
    link.to_server()
    assert link.server.read(100) == b"before"
    link.server.write(b"data")
    link.to_client()
    assert link.client.read(100) == b"data"
    link.client.write(b"behind")
    link.to_server()
    assert link.server.read(100) == b"behind"
    assert link.server.getpeercert() == IDS.client.chain[0]


def test_a_client_that_cannot_be_asked() -> None:
    server = {"post_handshake_authentication": True, "trust_store": TRUST}
    old = {"upper_bound": TLS12, "post_handshake_authentication": True}
    for client, reason in (({}, "cannot be asked"), (old, "needs TLS 1.3")):
        link = ends(client, server).handshake()
        with pytest.raises(unitls.ConfigurationError, match=reason):
            link.server.request_client_certificate()
        link.client.write(b"still here")
        link.to_server()
        assert link.server.read(100) == b"still here"


def test_asking_later_needs_trust() -> None:
    with pytest.raises(unitls.ConfigurationError, match="trust store"):
        ends(server={"post_handshake_authentication": True})


def _refuse(path: tuple[bytes, ...]) -> None:
    raise ValueError("not this one")


@pytest.mark.parametrize(
    ("what", "due"),
    [
        ({"pins": (bytes(32),)}, "pinned"),
        ({"verification_hook": _refuse}, "not this one"),
        ({"pins": (hashlib.sha256(certificate_fields(IDS.client.chain[0]).spki).digest(),)}, None),
    ],
)
def test_pins_and_the_hook_count_later_too(what: dict[str, Any], due: str | None) -> None:
    """The client has nothing to show in the handshake, and another than is wanted when it is asked again."""
    answers = [None, identity(IDS.client)]
    client = {"post_handshake_authentication": True, "choose_certificate": lambda authorities: answers.pop(0)}
    optional = {"client_authentication": ClientAuthentication.OPTIONAL, "trust_store": TRUST}
    link = ends(client, {"post_handshake_authentication": True, **optional, **what}).handshake()
    link.server.request_client_certificate()
    link.to_client()
    with pytest.raises(unitls.WantReadError):
        link.client.read(1)
    link.client.write(b"late")
    link.to_server()
    if due is None:
        assert link.server.read(100) == b"late"
        assert link.server.getpeercert() == IDS.client.chain[0]
        return
    with pytest.raises(unitls.CertificateVerificationError, match=due):
        link.server.read(100)
    link.to_client()
    with pytest.raises(unitls.PeerAlert):
        link.client.read(1)


def test_a_key_update_needs_tls_1_3() -> None:
    link = ends({"upper_bound": TLS12}).handshake()
    with pytest.raises(unitls.ConfigurationError, match=r"1\.3"):
        link.client.update_keys()


# ---------------------------------------------------------------------------------------------- sessions


OLD, NEW = b"the former secret", b"the secret of now"


def visit(link: Link) -> bool:
    """Connect, let tickets arrive, end; whether it was resumed."""
    link.handshake()
    link.server.write(b"x")
    link.to_client()
    assert link.client.read(1) == b"x"
    return bool(link.client.session_resumed)


def test_tickets_of_an_old_key_are_taken_and_not_renewed() -> None:
    cache = SessionCache()
    client = BACKEND.client_context(CLIENT(trust_store=TRUST, session_cache=cache, lower_bound=TLS13))
    old, both, new = (
        BACKEND.server_context(SERVER(identities=(identity(),), ticket_keys=keys))
        for keys in ((OLD,), (NEW, OLD), (NEW,))
    )
    assert not visit(Link(client, old))
    held = len(cache)
    assert held
    assert visit(Link(client, both))
    assert len(cache) == held - 1, "a new ticket would be one of the old key"
    cache.clear()
    assert not visit(Link(client, both))
    assert visit(Link(client, new)), "new tickets are those of the first key"


def test_ticket_keys_of_any_length_differ() -> None:
    cache = SessionCache()
    client = BACKEND.client_context(CLIENT(trust_store=TRUST, session_cache=cache))
    for keys in ((b"a" * 16,), (b"a" * 200,)):
        assert not visit(Link(client, BACKEND.server_context(SERVER(identities=(identity(),), ticket_keys=keys))))


# ---------------------------------------------------------------------------------------------- data


def test_several_records_in_one_read() -> None:
    link = ends().handshake()
    data = os.urandom(200_000)
    sent = 0
    while sent < len(data):
        sent += link.client.write(data[sent:])
    link.to_server()
    assert link.server.read(100) == data[:100]
    part = link.server.read(70_000)
    assert len(part) > 3 * 16384
    taken = 100 + len(part)
    assert part == data[100:taken]
    target = bytearray(100_000)
    assert link.server.read_into(target) == len(target)
    assert target == data[taken : taken + 100_000]
    assert link.server.read() == data[taken + 100_000 :]


@pytest.mark.parametrize("damaged", [False, True])
def test_data_in_front_of_the_end_or_of_a_fault_is_given(damaged: bool) -> None:
    link = ends().handshake()
    data = os.urandom(20_000)
    assert link.client.write(data) == len(data)
    link.to_server()
    link.client.shutdown()
    record = bytearray(link.client_out.read())
    if damaged:
        record[-1] ^= 1
    link.server_in.write(bytes(record))
    assert link.server.read() == data
    if damaged:
        with pytest.raises(unitls.ProtocolViolation, match="damaged or forged"):
            link.server.read(1)
    else:
        assert link.server.read(1) == b""


@pytest.mark.timeout(300)
def test_the_library_writes_no_key_log_of_its_own(tmp_path: Path) -> None:
    """GnuTLS obeys SSLKEYLOGFILE by itself, as unitls does; an empty path forbids it."""
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_gnutls_features import ends
ends({{"key_log": sys.argv[1] or None}} if len(sys.argv) > 1 else {{"key_log": ""}}, {{"key_log": ""}}).handshake()
"""
    for arguments, logged in (([""], True), ([], False)):
        path = tmp_path / f"log-{logged}"
        environment = {**os.environ, "SSLKEYLOGFILE": str(path)}
        subprocess.run([sys.executable, "-c", program, *arguments], env=environment, check=True, timeout=100)
        lines = path.read_text().splitlines() if path.exists() else []
        assert bool(lines) is logged
        assert len(lines) == len(set(lines))


# ---------------------------------------------------------------------------------------------- threads, forks, memory


def test_eight_threads_share_a_context() -> None:
    client = BACKEND.client_context(CLIENT(trust_store=TRUST, session_cache=SessionCache()))
    server = BACKEND.server_context(SERVER(identities=(identity(),), ciphers=(0x1301, 0xC02C, 0x1303)))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(15):
                link = Link(client, server).handshake()
                data = os.urandom(30_000)
                link.client.write(data)
                link.to_server()
                assert link.server.read() == data
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="this system does not tell its memory so")
def test_connections_leave_nothing_behind() -> None:
    contexts = [
        BACKEND.client_context(CLIENT(trust_store=TRUST)),
        BACKEND.client_context(CLIENT(trust_store=unitls.TrustStore.from_buffer(IDS.client.chain[0]))),
    ]
    server = BACKEND.server_context(SERVER(identities=(identity(),)))

    def rounds(count: int) -> None:
        for _ in range(count):
            Link(contexts[0], server).handshake()
            bad = Link(contexts[1], server)
            with pytest.raises(unitls.CertificateVerificationError):
                bad.handshake()
            assert not step_fails(bad)

    rounds(150)
    grown = []
    for _ in range(5):
        before = _resident()
        rounds(80)
        grown.append(_resident() - before)
    # Anybody in this process may take or give back memory now and then; what leaks takes it every time.
    assert statistics.median(grown) < 1 << 18


def step_fails(link: Link) -> bool:
    """Whether the server of a refused connection goes on."""
    link.move()
    try:
        return step(link.server)
    except unitls.ConnectionFault:
        return False
