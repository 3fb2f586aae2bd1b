"""What is special to SChannel, against this Python's own `ssl`, in one process. Runs under Wine."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import unitls
from unitls import Certificate, ClientAuthentication, Feature, PrivateKey, TrustStore
from unitls.backends import schannel
from unitls.backends.schannel import _certificate_structures as cs
from unitls.backends.schannel import _identities, _keys, native
from unitls.core._client_hello import ClientHelloReader
from unitls.testing._kit import HOST, Drive, Kit

THREADS = 8
CONNECTIONS = 25


class Checks:
    """Every method whose name begins with ``check_`` is one.

    Args:
        client_chain: the certificate of a client with an RSA key, in DER.
        client_key: its key in PEM.
    """

    def __init__(self, client_chain: Path, client_key: Path) -> None:
        self.leaf, self.key_pem = client_chain.read_bytes(), client_key.read_bytes()
        self.identity = unitls.Identity([Certificate.from_buffer(self.leaf)], PrivateKey.from_buffer(self.key_pem))

    def kit(self, drive: Drive = Drive.WHOLE) -> Kit:
        """The surroundings of a check."""
        return Kit(schannel.BACKEND, unitls.get_backend("openssl"), drive, None)

    def check_many_threads_share_a_context(self) -> None:
        """Handshakes and data of several threads at once."""
        kit = self.kit()
        client, server, errors = kit.client(), kit.server(), []

        def work() -> None:
            try:
                for _ in range(CONNECTIONS):
                    kit.connected(client, server).echo()
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors

    def check_two_threads_share_a_connection(self) -> None:
        """One thread reads while another writes."""
        kit = self.kit(Drive.SOCKETS)
        left, right = kit.sockets()
        done: list[bytes] = []
        data = bytes(range(256)) * 4000

        def serve() -> None:
            with kit.server().wrap_socket(right) as tls:
                while chunk := tls.recv(65536):
                    tls.sendall(chunk)
                tls.shutdown(1)

        server = threading.Thread(target=serve)
        server.start()
        with kit.client().wrap_socket(left, server_hostname=HOST) as tls:

            def read() -> None:
                while sum(map(len, done)) < len(data):
                    done.append(tls.recv(65536))

            reader = threading.Thread(target=read)
            reader.start()
            tls.sendall(data)
            reader.join()
            tls.shutdown(1)
            assert tls.recv(1) == b""
        server.join()
        assert b"".join(done) == data

    def check_client_certificate(self) -> None:
        """It is shown to a verified server that asks, and to no other."""
        kit = self.kit()
        server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
        client = kit.client(identities=(self.identity,))
        for _ in range(3):
            pair = kit.connected(client, server)
            assert pair.server.tls.getpeercert() == self.leaf
            pair.echo()
        wrong = kit.pair(client, server, hostname="wrong.test")
        at_client, _ = wrong.attempt()
        assert isinstance(at_client, unitls.CertificateVerificationError), at_client
        assert wrong.server.tls.getpeercert() is None
        at_client, _ = kit.pair(kit.client(), server).attempt()
        assert isinstance(at_client, unitls.PeerAlert), at_client

    def check_client_certificate_that_the_server_refuses(self) -> None:
        """The server's alert is heard."""
        kit = self.kit()
        stranger = TrustStore.from_buffer(kit.identities.server.chain[0])
        server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=stranger)
        at_client, at_server = kit.pair(kit.client(identities=(self.identity,)), server).attempt()
        assert isinstance(at_server, unitls.CertificateVerificationError), at_server
        assert isinstance(at_client, unitls.PeerAlert), at_client
        assert at_client.alert == unitls.AlertDescription.UNKNOWN_CA

    def check_containers_are_removed(self) -> None:
        """The container of a key goes with the last context that uses it."""
        known = native.libraries()
        made: list[_keys.Container] = []
        keep = _identities.keep

        def kept(*arguments: Any) -> _keys.Container:
            made.append(keep(*arguments))
            return made[-1]

        _identities.keep = kept
        try:
            kit = self.kit()
            server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
            client = kit.client(identities=(self.identity,))
            pair = kit.connected(client, server)
            assert len(made) == 2, "one to check it, one for the connections"
            assert [_exists(known, item) for item in made] == [False, True]
            del pair, client
            assert [_exists(known, item) for item in made] == [False, False]
        finally:
            _identities.keep = keep

    def check_a_key_of_another_certificate(self) -> None:
        """A key that does not fit is a ConfigurationError."""
        kit = self.kit()
        other = unitls.Identity(
            [Certificate.from_buffer(kit.identities.rsa_server.chain[0])], self.identity.private_key
        )
        try:
            kit.client(identities=(other,))
        except unitls.ConfigurationError:
            return
        raise AssertionError("it was taken")

    def check_thumbprint(self) -> None:
        """A certificate in the user's store is found by its thumbprint, and its key is used."""
        kit, known = self.kit(), native.libraries()
        thumbprint = hashlib.sha1(self.leaf, usedforsecurity=False).hexdigest()
        try:
            schannel.identity_from_store("00" * 20)
        except unitls.ConfigurationError:
            pass
        else:
            raise AssertionError("a certificate that nobody has was found")
        container = _keys.keep(known, _pkcs8(self.identity))
        store = _open_my(known)
        context = cs.CertPointer()
        try:
            assert known.crypt32.CertAddEncodedCertificateToStore(
                store, 1, self.leaf, len(self.leaf), 3, ctypes.byref(context)
            )
            provider = container.described()
            assert known.crypt32.CertSetCertificateContextProperty(
                context, cs.PROPERTY_KEY_PROVIDER, 0, ctypes.addressof(provider)
            )
            known.crypt32.CertFreeCertificateContext(context)
            known.crypt32.CertCloseStore(store, 0)  # now it is written
            identity = schannel.identity_from_store(thumbprint.upper())
            server = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
            pair = kit.connected(kit.client(identities=(identity,)), server)
            assert pair.server.tls.getpeercert() == self.leaf
        finally:
            _keys.remove(known, container)

    def check_no_address_as_server_name(self) -> None:
        """An IP address is checked, and never sent as a server name."""
        for hostname, sent in (("127.0.0.1", None), ("::1", None), (HOST, HOST.encode())):
            kit = self.kit()
            pair: Any = kit.pair(hostname=hostname)
            with contextlib.suppress(unitls.WantReadError):
                pair.client.tls.do_handshake()
            flight = pair.client.outgoing.read()
            hello = ClientHelloReader().feed(flight)
            assert hello is not None
            assert hello.server_name == sent, hello.server_name
            pair.server.inject(flight)
            pair.handshake().echo()

    def check_capabilities_speak_of_windows(self) -> None:
        """What Wine cannot show is said."""
        found = unitls.get_backend("schannel").capabilities
        assert "not yet seen on Windows" in found.notes[0]
        assert "not yet seen on Windows" in found.reason(Feature.EXPORTER)
        assert unitls.get_backend("schannel").library_version.startswith("SChannel of Wine")
        assert "schannel" in [item.name for item in unitls.available_backends() if item.available]

    def check_the_system_s_trust(self) -> None:
        """Windows' own engine judges with the system's store, and does not know the test authority."""
        kit = self.kit()
        at_client, _ = kit.pair(kit.client(trust_store=TrustStore.system())).attempt()
        assert isinstance(at_client, unitls.CertificateVerificationError), at_client
        assert at_client.failure is unitls.VerifyFailure.UNKNOWN_ISSUER
        both = TrustStore.union(TrustStore.system(), kit.trust)
        kit.connected(kit.client(trust_store=both)).echo()

    def check_windows_judges_for_other_backends(self) -> None:
        """With the system's trust the `ssl` module's handshakes are judged by Windows' engine, and by nothing else."""
        backend = unitls.get_backend("openssl")
        for drive in (Drive.WHOLE, Drive.SOCKETS):
            kit = Kit(backend, backend, drive, None)
            asking = kit.server(client_authentication=ClientAuthentication.REQUIRED, trust_store=kit.trust)
            client = kit.client(trust_store=TrustStore.system(), identities=(self.identity,))
            refused = kit.pair(client, asking)
            at_client, at_server = refused.attempt()
            assert isinstance(at_client, unitls.CertificateVerificationError), at_client
            assert at_client.failure is unitls.VerifyFailure.UNKNOWN_ISSUER
            assert isinstance(at_server, unitls.ConnectionFault), at_server
            assert refused.server.tls.getpeercert() is None
            both = kit.client(trust_store=TrustStore.union(TrustStore.system(), kit.trust), identities=(self.identity,))
            pair = kit.connected(both, asking)
            pair.echo()
            assert both.verifier == "Windows, with the roots of the system and 1 given anchor", both.verifier
            assert len(pair.client.tls.getverifiedchain()) == 2
            kit.close()

    def check_a_root_of_the_user_is_trusted(self) -> None:
        """A root in the user's store is trusted by every backend: in a process of its own, since engines keep what they read."""
        done = subprocess.run(
            [sys.executable, "-X", "utf8", "-B", str(Path(__file__).with_name("user_root.py"))],
            capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _exists(known: native.Libraries, container: _keys.Container) -> bool:
    handle = ctypes.c_void_p()
    found = known.advapi32.CryptAcquireContextW(
        ctypes.byref(handle), container.name, cs.RSA_AES_PROVIDER, cs.PROV_RSA_AES, cs.CRYPT_SILENT
    )
    if found:
        known.advapi32.CryptReleaseContext(handle, 0)
    return bool(found)


def _open_my(known: native.Libraries) -> Any:
    name = ctypes.c_wchar_p("MY")
    place = ctypes.cast(name, ctypes.c_void_p)
    return known.crypt32.CertOpenStore(cs.STORE_SYSTEM, 0, None, cs.CURRENT_USER, place)


def _pkcs8(identity: unitls.Identity) -> bytes:
    from unitls.core._plain_key import plain_pkcs8

    return plain_pkcs8(identity.private_key)  # type: ignore[arg-type]


def run_checks(client_chain: Path, client_key: Path) -> bool:
    """Run every check; print those that fail."""
    import traceback

    checks, failed = Checks(client_chain, client_key), 0
    names = [name for name in dir(Checks) if name.startswith("check_")]
    for name in names:
        try:
            getattr(checks, name)()
        except Exception:
            failed += 1
            print(f"failed: {name}")
            traceback.print_exc()
    print(f"checks: {len(names) - failed} passed, {failed} failed", flush=True)
    return not failed
