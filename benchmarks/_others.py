"""Other bindings for Python, each used as its documentation says, behind the methods that the benchmarks call.

Most of them have another shape than the `ssl` module's buffers; what brings them into it is as thin as it can be, and any
program would need it. A package that is not installed is a `ConfigurationError`; what one cannot do raises
`NotImplementedError`, which leaves out that row.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from typing import Any, Final, NoReturn

import unitls
from unitls.testing._zoo_files import load_identities

from ._parties import NAME, TLS12_SUITE, Party, SslParty

_READ: Final = 65536
_RECORD: Final = 16384


def _module(package: str, name: str | None = None) -> Any:
    try:
        return importlib.import_module(name or package)
    except ImportError as error:
        raise unitls.ConfigurationError(f"{package} is not installed: pip install {package}") from error


def _version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"


class _WantRead(Exception):
    """More has to come in first."""


class ForeignParty(Party):
    """What the others have in common: no sessions, and no sockets of the kind that is measured.

    Attributes:
        package: the distribution.
    """

    package: str
    want_read = _WantRead

    def resuming_client(self, incoming: Any, outgoing: Any) -> Any:
        _cannot("resume sessions in these benchmarks")

    def keep_session(self, client: Any) -> None:
        _cannot("resume sessions in these benchmarks")

    def is_resumed(self, client: Any) -> bool:
        _cannot("resume sessions in these benchmarks")

    def wrap_client(self, raw: Any) -> Any:
        _cannot("be measured over sockets")

    def wrap_server(self, raw: Any) -> Any:
        _cannot("be measured over sockets")

    def buffer(self) -> Any:
        return unitls.MemoryBuffer()


def _cannot(what: str) -> NoReturn:
    raise NotImplementedError(f"it cannot {what}")


# ------------------------------------------------------------------------------------------------ rtls


class RtlsParty(SslParty):
    """rtls: the face of the `ssl` module on rustls."""

    name = "rtls"

    def __init__(self, tls12: bool) -> None:
        module = _module("rtls")
        self.want_read = module.SSLWantReadError
        self.library_version = _version("rtls")
        self._module = module
        identities = load_identities()
        self._client = module.SSLContext(module.PROTOCOL_TLS_CLIENT)
        self._client.load_verify_locations(cadata=identities.ca_pem.decode())
        self._server = module.SSLContext(module.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(identities.server.certificate_pem, identities.server.key_pem)
        version = module.TLSVersion.TLSv1_2 if tls12 else module.TLSVersion.TLSv1_3
        for context in (self._client, self._server):
            context.minimum_version = context.maximum_version = version
            if tls12:
                context.set_ciphers("ECDHE-ECDSA-AES256-GCM-SHA384")
        self._session = None

    def buffer(self) -> Any:
        return self._module.MemoryBIO()

    def negotiated(self, client: Any) -> tuple[str, int]:
        suite = client.cipher()[0].replace("ECDHE-ECDSA-AES256-GCM-SHA384", TLS12_SUITE.name)
        return client.version(), int(unitls.CipherSuite[suite])


# ------------------------------------------------------------------------------------------------ pyrtls


class _Pyrtls:
    """A connection of pyrtls between two buffers."""

    def __init__(self, raw: Any, incoming: Any, outgoing: Any) -> None:
        self._raw, self._incoming, self._outgoing = raw, incoming, outgoing
        self._room = bytearray(_READ)
        self._steps = 0

    def do_handshake(self) -> None:
        self._feed()
        self._flush()
        self._steps += 1
        if self._steps < 2:  # it does not tell when it is done; with TLS 1.3 either end is after its second step
            raise _WantRead

    def _feed(self) -> None:
        while data := self._incoming.read(_RECORD):  # it takes little more than a record's plaintext before it is read
            while data:
                data = data[self._raw.read_tls(data) :]
                state = self._raw.process_new_packets()
            if state.plaintext_bytes_to_read:
                return

    def _flush(self) -> None:
        while self._raw.writable():
            count = self._raw.write_tls_into(self._room)
            self._outgoing.write(memoryview(self._room)[:count])

    def write(self, data: bytes) -> int:
        done = 0
        while done < len(data):
            done += self._raw.write(data[done : done + _RECORD])
            self._flush()
        return done

    def read(self, amount: int) -> bytes:
        self._feed()
        room = bytearray(min(amount, _READ))
        try:
            count = self._raw.read_into(room)
        except ValueError:
            raise _WantRead from None
        return bytes(memoryview(room)[:count])


class PyrtlsParty(ForeignParty):
    """pyrtls: the connections of rustls."""

    name = "pyrtls"

    def __init__(self, tls12: bool) -> None:
        if tls12:
            raise unitls.ConfigurationError("pyrtls does not let the version be chosen: leave out --tls12")
        self._module = module = _module("pyrtls")
        self.library_version = _version("pyrtls")
        identities = load_identities()
        self._client = module.ClientConfig(platform_verifier=False, custom_roots=[identities.authority.certificate_der])
        self._server = module.ServerConfig(list(identities.server.chain), identities.server.key_pem.decode())

    def client(self, incoming: Any, outgoing: Any) -> Any:
        return _Pyrtls(self._module.ClientConnection(self._client, NAME), incoming, outgoing)

    def server(self, incoming: Any, outgoing: Any) -> Any:
        return _Pyrtls(self._module.ServerConnection(self._server), incoming, outgoing)

    def negotiated(self, client: Any) -> tuple[str, int]:
        """It does not tell; this is what rustls prefers."""
        return "TLSv1.3", int(unitls.CipherSuite.TLS_AES_256_GCM_SHA384)


# ------------------------------------------------------------------------------------------------ pyOpenSSL


class _PyOpenSSL:
    """A connection of pyOpenSSL between two buffers."""

    def __init__(self, raw: Any, module: Any, incoming: Any, outgoing: Any) -> None:
        self.raw, self._incoming, self._outgoing = raw, incoming, outgoing
        self._want, self._error = module.WantReadError, module.Error

    def do_handshake(self) -> None:
        self._feed()
        try:
            self.raw.do_handshake()
        except self._want:
            self._flush()
            raise _WantRead from None
        self._flush()

    def _feed(self) -> None:
        data = self._incoming.read()
        while data:
            data = data[self.raw.bio_write(data) :]

    def _flush(self) -> None:
        try:
            while True:
                self._outgoing.write(self.raw.bio_read(_READ))
        except self._want:
            pass

    def write(self, data: bytes) -> int:
        done = 0
        while done < len(data):
            done += self.raw.send(data[done:] if done else data)
        self._flush()
        return done

    def read(self, amount: int) -> bytes:
        self._feed()
        try:
            data: bytes = self.raw.recv(amount)
        except self._want:
            raise _WantRead from None
        return data


class PyOpenSSLParty(ForeignParty):
    """pyOpenSSL over its memory BIOs: verified, with the name checked."""

    name = "pyOpenSSL"

    def __init__(self, tls12: bool) -> None:
        self._module = module = _module("pyOpenSSL", "OpenSSL.SSL")
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization

        self.library_version = f"{_version('pyOpenSSL')}, {module.SSLeay_version(module.SSLEAY_VERSION).decode()}"
        identities = load_identities()
        version = module.TLS1_2_VERSION if tls12 else module.TLS1_3_VERSION
        self._client, self._server = module.Context(module.TLS_METHOD), module.Context(module.TLS_METHOD)
        for context in (self._client, self._server):
            context.set_min_proto_version(version)
            context.set_max_proto_version(version)
            if tls12:
                context.set_cipher_list(b"ECDHE-ECDSA-AES256-GCM-SHA384")
            _only_x25519(context)
        self._client.get_cert_store().add_cert(
            module.X509.from_cryptography(x509.load_pem_x509_certificate(identities.ca_pem))
        )
        self._client.set_verify(module.VERIFY_PEER)
        leaf = x509.load_der_x509_certificate(identities.server.chain[0])
        self._server.use_certificate(module.X509.from_cryptography(leaf))
        self._server.use_privatekey(
            importlib.import_module("OpenSSL.crypto").PKey.from_cryptography_key(
                serialization.load_pem_private_key(identities.server.key_pem, None)  # type: ignore[arg-type]
            )
        )

    def client(self, incoming: Any, outgoing: Any) -> Any:
        raw = self._module.Connection(self._client, None)
        raw.set_tlsext_host_name(NAME.encode())
        raw.set_verify(self._module.VERIFY_PEER)
        raw.set_connect_state()
        return _PyOpenSSL(raw, self._module, incoming, outgoing)

    def server(self, incoming: Any, outgoing: Any) -> Any:
        raw = self._module.Connection(self._server, None)
        raw.set_accept_state()
        return _PyOpenSSL(raw, self._module, incoming, outgoing)

    def negotiated(self, client: Any) -> tuple[str, int]:
        name = client.raw.get_cipher_name().replace("ECDHE-ECDSA-AES256-GCM-SHA384", TLS12_SUITE.name)
        return client.raw.get_protocol_version_name(), int(unitls.CipherSuite[name])


def _only_x25519(context: Any) -> None:
    """Keep to the group that the others use; pyOpenSSL has no method for it."""
    util = importlib.import_module("OpenSSL._util")
    setter = getattr(util.lib, "SSL_CTX_set1_groups_list", None) or getattr(util.lib, "SSL_CTX_set1_curves_list", None)
    if setter is not None:
        setter(context._context, b"X25519:P-256")  # in TLS 1.2 the list is also that of the curves of certificates


# ------------------------------------------------------------------------------------------------ python-mbedtls


class _PythonMbedTLS:
    """A connection of python-mbedtls between two buffers."""

    def __init__(self, raw: Any, tls: Any, incoming: Any, outgoing: Any) -> None:
        self.raw, self._incoming, self._outgoing = raw, incoming, outgoing
        self._want_read, self._want_write = tls.WantReadError, tls.WantWriteError
        self._over = tls.HandshakeStep.HANDSHAKE_OVER

    def do_handshake(self) -> None:
        self._feed()
        while self.raw._handshake_state is not self._over:
            try:
                self.raw.do_handshake()
            except self._want_write:
                self._flush()  # its own buffer holds a record or two
            except self._want_read:
                self._flush()
                raise _WantRead from None
        self._flush()

    def _feed(self) -> None:
        data = self._incoming.read()
        if data:
            self.raw.receive_from_network(data)

    def _flush(self) -> None:
        data = self.raw.peek_outgoing(_READ)
        if data:
            self.raw.consume_outgoing(len(data))
            self._outgoing.write(data)

    def write(self, data: bytes) -> int:
        done = 0
        while done < len(data):
            self.raw.write(data[done : done + _RECORD])  # all of it; what it returns is the length of the record
            done += _RECORD
            self._flush()
        return len(data)

    def read(self, amount: int) -> bytes:
        self._feed()
        try:
            data: bytes = self.raw.read(amount)
        except (self._want_read, self._want_write):
            raise _WantRead from None
        return data


class PythonMbedTLSParty(ForeignParty):
    """python-mbedtls, which speaks TLS 1.2 at most."""

    name = "python-mbedtls"

    def __init__(self, tls12: bool) -> None:
        if not tls12:
            raise unitls.ConfigurationError("python-mbedtls speaks TLS 1.2 at most: add --tls12")
        tls, x509, pk = (_module("python-mbedtls", f"mbedtls.{name}") for name in ("tls", "x509", "pk"))
        self._tls = tls
        self.library_version = f"{_version('python-mbedtls')}, {_module('mbedtls', 'mbedtls.version').version}"
        identities = load_identities()
        store = tls.TrustStore()
        store.add(x509.CRT.from_PEM(identities.ca_pem.decode()))
        common: dict[str, Any] = {
            "ciphers": ("TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384",),
            "lowest_supported_version": tls.TLSVersion.TLSv1_2,
            "highest_supported_version": tls.TLSVersion.TLSv1_2,
        }
        leaf = x509.CRT.from_DER(identities.server.chain[0])
        key = pk.ECC.from_PEM(identities.server.key_pem.decode())
        self._client = tls.ClientContext(tls.TLSConfiguration(trust_store=store, validate_certificates=True, **common))
        self._server = tls.ServerContext(
            tls.TLSConfiguration(certificate_chain=([leaf], key), validate_certificates=False, **common)
        )

    def client(self, incoming: Any, outgoing: Any) -> Any:
        return _PythonMbedTLS(self._client.wrap_buffers(NAME), self._tls, incoming, outgoing)

    def server(self, incoming: Any, outgoing: Any) -> Any:
        return _PythonMbedTLS(self._server.wrap_buffers(), self._tls, incoming, outgoing)

    def negotiated(self, client: Any) -> tuple[str, int]:
        version = client.raw.negotiated_tls_version().name.replace("_", ".")
        return version, int(unitls.CipherSuite[client.raw.cipher().replace("-", "_")])


OTHERS: Final[dict[str, Callable[[bool], Any]]] = {
    party.name: party for party in (RtlsParty, PyrtlsParty, PyOpenSSLParty, PythonMbedTLSParty)
}
"""By name, with whether it is TLS 1.2."""
