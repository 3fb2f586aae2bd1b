"""`SSLContext`: what a program sets on it, mapped to one immutable configuration of ours for each role."""

from __future__ import annotations

import os
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

from ...api._backend import Backend
from ...api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ...api._features import Feature
from ...api._groups import NamedGroup
from ...api._subjects import DNSName, parse_subject
from ...api._versions import TLSVersion as Version
from ...core._client_hello import parse_client_hello
from ...core._context import Natives
from ...core._names import PeerNames
from ...registry import get_backend
from ._certificates import Certificates
from ._cipher_strings import description, no_cipher, parse
from ._constants import (
    CERT_NONE,
    CERT_REQUIRED,
    PROTOCOL_TLS,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
    PROTOCOL_TLSv1,
    PROTOCOL_TLSv1_1,
    PROTOCOL_TLSv1_2,
)
from ._enums import _SSLMethod
from ._errors import SSLConfigurationError, SSLError
from ._material import Path
from ._object import SSLObject
from ._platform import base_of, real
from ._sessions import ContextSessions, SSLSession
from ._socket import SSLSocket
from ._translate import boundary, failure, unsupported
from ._wishes import Wishes, keeps_sessions

_ONE_VERSION: Final = {
    PROTOCOL_TLSv1: Version.TLSv1,
    PROTOCOL_TLSv1_1: Version.TLSv1_1,
    PROTOCOL_TLSv1_2: Version.TLSv1_2,
}
_CURVES: Final = {
    "prime256v1": "secp256r1", "P-256": "secp256r1", "P-384": "secp384r1", "P-521": "secp521r1", "X25519": "x25519",
    "X448": "x448",
}  # fmt: skip
_PAST_THE_BACKEND: Final = "an {} of the ssl module cannot use this context, which is no context of OpenSSL; its {} can"
_COUNTERS: Final = (
    "number", "connect", "connect_good", "connect_renegotiate", "accept", "accept_good", "accept_renegotiate", "hits",
    "misses", "timeouts", "cache_full",
)  # fmt: skip


class SSLContext(Certificates, base_of("SSLContext", object)):  # type: ignore[misc]
    """Settings for connections, on any backend.

    Args:
        protocol: ``PROTOCOL_TLS_CLIENT``, ``PROTOCOL_TLS_SERVER``, or one of the old ones, which serve both roles.
        backend: a backend or its name; `None` for what `unitls.get_backend` gives.

    Raises:
        SSLError: the backend lacks the protocol, or cannot be used here.
        ValueError: there is no such protocol.
    """

    sslsocket_class: Any = SSLSocket
    sslobject_class: Any = SSLObject
    _windows_cert_stores = ("CA", "ROOT")

    def __new__(
        cls, protocol: int | None = None, *args: Any, backend: Backend | str | None = None, **kwargs: Any
    ) -> Any:
        if protocol is None:
            warnings.warn("ssl.SSLContext() without protocol argument is deprecated.", DeprecationWarning, stacklevel=2)
            protocol = PROTOCOL_TLS
        # What is inherited from C is never used. Whatever reached it would be told to verify, and trust nobody.
        self: SSLContext = (
            object.__new__(cls) if real is None else real._SSLContext.__new__(cls, real.PROTOCOL_TLS_CLIENT)
        )
        self._begin(protocol, backend)
        return self

    def _begin(self, protocol: int, backend: Backend | str | None) -> None:
        try:
            self._protocol = _SSLMethod(protocol)
        except ValueError:
            raise ValueError("invalid or unsupported protocol version") from None
        with boundary():
            self._backend = backend if isinstance(backend, Backend) else get_backend(backend)
        self._lock = threading.RLock()
        self._cores: dict[bool, Any] = {}
        self._dirty = {True, False}
        self._counts = dict.fromkeys(_COUNTERS, 0)
        self._sni: Callable[..., Any] | None = None
        sessions = ContextSessions() if keeps_sessions(self._backend.capabilities) else None
        self._wishes = Wishes(sessions=sessions)
        version = _ONE_VERSION.get(self._protocol)
        if version is not None:
            if version not in self._backend.capabilities.versions:
                self._refuse_version(version)
            self._wishes.lower = self._wishes.upper = version
        if protocol not in (PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER):
            warnings.warn(f"ssl.{self._protocol.name} is deprecated", DeprecationWarning, stacklevel=4)
        if protocol == PROTOCOL_TLS_CLIENT:
            self._wishes.verify_mode, self._wishes.check_hostname = CERT_REQUIRED, True

    def _set(self, **changes: Any) -> None:
        with self._lock:
            for name, value in changes.items():
                setattr(self._wishes, name, value)
            self._dirty = {True, False}

    # ------------------------------------------------------------------------------------------ connections

    def wrap_socket(
        self,
        sock: Any,
        server_side: bool = False,
        do_handshake_on_connect: bool = True,
        suppress_ragged_eofs: bool = True,
        server_hostname: str | bytes | None = None,
        session: Any = None,
    ) -> Any:
        """Wrap a stream socket, which is taken over; see `ssl.SSLContext.wrap_socket`.

        Args:
            sock: the socket; a `SSLSocket` of this module gives TLS in TLS.
            server_side: the role.
            do_handshake_on_connect: whether the handshake runs at once.
            suppress_ragged_eofs: whether an end without close_notify is read as a clean one.
            server_hostname: what a client calls its peer.
            session: one to resume.
        """
        return self.sslsocket_class._create(
            sock=sock,
            server_side=server_side,
            do_handshake_on_connect=do_handshake_on_connect,
            suppress_ragged_eofs=suppress_ragged_eofs,
            server_hostname=server_hostname,
            context=self,
            session=session,
        )

    def wrap_bio(
        self,
        incoming: Any,
        outgoing: Any,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: Any = None,
    ) -> Any:
        """Make TLS between two memory buffers; see `ssl.SSLContext.wrap_bio`."""
        return self.sslobject_class._create(
            incoming,
            outgoing,
            server_side=server_side,
            server_hostname=self._encode_hostname(server_hostname),
            session=session,
            context=self,
        )

    def _wrap_socket(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse what would go past the backend."""
        raise failure(None, _PAST_THE_BACKEND.format("SSLSocket", "sslsocket_class"), SSLConfigurationError)

    def _wrap_bio(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse what would go past the backend."""
        raise failure(None, _PAST_THE_BACKEND.format("SSLObject", "sslobject_class"), SSLConfigurationError)

    def _encode_hostname(self, hostname: str | bytes | None) -> str | None:
        if hostname is None:
            return None
        if isinstance(hostname, bytes):
            return hostname.decode("ascii")
        if not isinstance(hostname, str):
            raise TypeError(f"server_hostname must be a string, not {type(hostname).__name__}")
        return hostname if hostname.isascii() else hostname.encode("idna").decode("ascii")

    def _core(self, server_side: bool) -> tuple[Any, Natives]:
        """Our context for a role, with its configuration as it is now; made again only where something has changed.

        Raises:
            SSLError: the backend cannot do what was set.
        """
        self._check_role(server_side)
        with self._lock, boundary():
            if server_side in self._dirty:
                self._renew(server_side)
            core = self._cores[server_side]
            return core, core._usable() if server_side else core._natives

    def _check_role(self, server_side: bool) -> None:
        wrong = PROTOCOL_TLS_CLIENT if server_side else PROTOCOL_TLS_SERVER
        if self._protocol == wrong:
            role = "server" if server_side else "client"
            raise SSLError(f"Cannot create a {role} socket with a {_SSLMethod(wrong).name} context")

    def _renew(self, server_side: bool) -> None:
        capabilities = self._backend.capabilities
        configuration: Any = (self._wishes.server if server_side else self._wishes.client)(capabilities)
        core = self._cores.get(server_side)
        if core is None:
            make: Any = self._backend.server_context if server_side else self._backend.client_context
            self._cores[server_side] = make(configuration)
        elif core.configuration != configuration:
            core.configuration = configuration
        self._dirty.discard(server_side)

    def _names(self, server_hostname: str | None) -> PeerNames:
        """What a client sends as SNI, and what it checks."""
        if server_hostname is None:
            subject = None
        elif not server_hostname or server_hostname.startswith("."):
            raise ValueError("server_hostname cannot be an empty string or start with a leading dot.")
        else:
            with boundary():
                subject = parse_subject(server_hostname)
        checked = self._wishes.check_hostname and self._wishes.verify_mode != CERT_NONE
        if self._wishes.verify_mode != CERT_NONE and not checked:
            sys.audit("unitls.insecure", "check_hostname")
        name = subject.name if isinstance(subject, DNSName) else None
        return PeerNames(name, (subject,) if checked and subject is not None else None)

    def _offering(self, session: SSLSession | None) -> AbstractContextManager[None]:
        """What a connection is begun in, so that it offers `session`."""
        sessions = self._wishes.sessions
        return nullcontext() if sessions is None or session is None else sessions.offering(session)

    def _count(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    # ------------------------------------------------------------------------------------------ what is negotiated

    def set_ciphers(self, cipherlist: str) -> None:
        """Choose the suites up to TLS 1.2 by a string in OpenSSL's language (ciphers(1)).

        Raises:
            SSLError: it leaves no suite that the backend has, or asks for another security level.
        """
        if not isinstance(cipherlist, str):
            raise TypeError(f"argument must be str, not {type(cipherlist).__name__}")
        self._require(Feature.CIPHER_SUITES)
        available = set(self._backend.capabilities.cipher_suites)
        chosen = tuple(number for number in parse(cipherlist) if number in available)
        if not chosen:
            raise no_cipher()
        self._set(ciphers=chosen)

    def get_ciphers(self) -> list[dict[str, Any]]:
        """The suites that are enabled, in the order of preference."""
        client = self._protocol == PROTOCOL_TLS_CLIENT
        chosen = self._wishes.ciphers
        with boundary():
            make: Any = TLSClientConfiguration if client else TLSServerConfiguration
            context: Any = self._backend.client_context if client else self._backend.server_context
            plain = context(
                make(ciphers=None if chosen is None else self._wishes._suites(self._backend.capabilities), key_log="")
            )
            return [description(int(number)) for number in plain.ciphers]

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        """Set the protocols for ALPN, in the order of preference."""
        names = []
        for protocol in alpn_protocols:
            name = bytes(protocol, "ascii")
            if not 1 <= len(name) <= 255:
                raise SSLError("ALPN protocols must be 1 to 255 in length")
            names.append(name)
        if names:
            self._require(Feature.ALPN)
        self._set(protocols=tuple(names))

    def set_npn_protocols(self, npn_protocols: Iterable[str]) -> None:
        """Refuse: NPN is gone from every library."""
        warnings.warn("ssl NPN is deprecated, use ALPN instead", DeprecationWarning, stacklevel=2)
        raise unsupported(Feature.ALPN, "no library has NPN any more; use set_alpn_protocols()")

    def set_ecdh_curve(self, curve_name: str | bytes) -> None:
        """Choose the one group of the key exchange, by OpenSSL's name of its curve."""
        name = os.fsdecode(curve_name)
        group = NamedGroup.__members__.get(_CURVES.get(name, name).upper())
        if group is None:
            raise ValueError(f"unknown elliptic curve name {name!r}")
        self._require(Feature.GROUPS)
        self._set(groups=(int(group),))

    def load_dh_params(self, path: Path) -> None:
        """Refuse: no backend takes parameters of its user's for finite fields; the groups of RFC 7919 have names."""
        with open(os.fspath(path), "rb"):
            pass
        raise unsupported(Feature.GROUPS, "no backend takes Diffie-Hellman parameters from a file")

    # ------------------------------------------------------------------------------------------ callbacks

    @property
    def sni_callback(self) -> Callable[..., Any] | None:
        """Called with the connection, the name as an A-label or `None`, and this context, for each ClientHello."""
        return self._sni

    @sni_callback.setter
    def sni_callback(self, callback: Callable[..., Any] | None) -> None:
        if self._protocol == PROTOCOL_TLS_CLIENT:
            raise ValueError("sni_callback cannot be set on TLS_CLIENT context")
        if callback is not None:
            if not callable(callback):
                raise TypeError("not a callable object")
            self._require(Feature.SNI_CALLBACK)
        self._sni = callback
        self._set(sni_callback=None if callback is None else _sni_for_core(weakref.ref(self), callback))

    def set_servername_callback(self, server_name_callback: Callable[..., Any] | None) -> None:
        """Set `sni_callback`, in its old way."""
        if server_name_callback is None:
            self.sni_callback = None
            return
        if not callable(server_name_callback):
            raise TypeError("not a callable object")
        call = server_name_callback
        self.sni_callback = lambda connection, name, context: call(connection, self._encode_hostname(name), context)

    def set_psk_client_callback(self, callback: Any) -> None:
        """Refuse a callback for pre-shared keys: `unitls.ExternalPSK` is a value, which a callback cannot be turned into."""
        if callback is not None:
            raise unsupported(Feature.EXTERNAL_PSK, "pre-shared keys cannot be had by a callback")

    def set_psk_server_callback(self, callback: Any, identity_hint: str | None = None) -> None:
        """Refuse a callback for pre-shared keys."""
        self.set_psk_client_callback(callback)

    def session_stats(self) -> dict[str, int]:
        """How many connections were begun and made, and how many of them resumed a session."""
        with self._lock:
            return dict(self._counts)


def _sni_for_core(context: weakref.ref[SSLContext], callback: Callable[..., Any]) -> Callable[..., Any]:
    """The callback for core, which calls the program's with what the `ssl` module gives it."""

    def called(connection: Any, name: str | None, original: Any) -> Any:
        hello = parse_client_hello(connection._hello_message())
        label = None if hello.server_name is None else hello.server_name.decode("ascii")
        answer = callback(connection, label, context())
        if answer is not None and not isinstance(answer, int):
            raise TypeError(f"sni_callback returned {type(answer).__name__}, not None or the number of an alert")
        return answer

    return called
