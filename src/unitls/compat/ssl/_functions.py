"""The functions of the `ssl` module, and a few that only its older versions have."""

from __future__ import annotations

import base64
import os
import socket as socket_module
import sys
import warnings
from calendar import timegm
from collections import namedtuple
from time import strptime
from typing import TYPE_CHECKING, Any, Final

from ...api._backend import Backend
from ...core._system_trust import system_bundle
from ._constants import (
    CERT_NONE,
    CERT_REQUIRED,
    PROTOCOL_TLS,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
    VERIFY_X509_PARTIAL_CHAIN,
    VERIFY_X509_STRICT,
)
from ._context import SSLContext
from ._enums import _SSLMethod
from ._objects import Purpose, _ASN1Object
from ._platform import real

PEM_HEADER: Final = "-----BEGIN CERTIFICATE-----"
PEM_FOOTER: Final = "-----END CERTIFICATE-----"
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PROTOCOL_NAMES: Final = {
    int(value): name for name, value in _SSLMethod.__members__.items() if name != "PROTOCOL_SSLv23"
}
_GLOBAL_DEFAULT_TIMEOUT: Any = socket_module._GLOBAL_DEFAULT_TIMEOUT  # type: ignore[attr-defined]
BackendChoice = Backend | str | None

if TYPE_CHECKING or real is None:
    DefaultVerifyPaths = namedtuple(
        "DefaultVerifyPaths", "cafile capath openssl_cafile_env openssl_cafile openssl_capath_env openssl_capath"
    )
else:
    DefaultVerifyPaths = real.DefaultVerifyPaths


def create_default_context(
    purpose: Any = Purpose.SERVER_AUTH,
    *,
    cafile: Any = None,
    capath: Any = None,
    cadata: Any = None,
    backend: BackendChoice = None,
) -> SSLContext:
    """Make a context with good settings; see `ssl.create_default_context`.

    Args:
        purpose: what the peer's certificate has to be good for: ``SERVER_AUTH`` makes a client's context.
        cafile: authorities to trust; without any of the three, a client trusts the system's.
        capath: a directory of them.
        cadata: their content.
        backend: a backend or its name; not in the `ssl` module.
    """
    if not isinstance(purpose, _ASN1Object):
        raise TypeError(purpose)
    if purpose not in (Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH):
        raise ValueError(purpose)
    client = purpose == Purpose.SERVER_AUTH
    context: SSLContext = SSLContext(PROTOCOL_TLS_CLIENT if client else PROTOCOL_TLS_SERVER, backend=backend)
    if sys.version_info >= (3, 13):
        context.verify_flags |= VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT
    _load_authorities(context, purpose, cafile, capath, cadata)
    return context


def _load_authorities(context: SSLContext, purpose: Any, cafile: Any, capath: Any, cadata: Any) -> None:
    if cafile or capath or cadata:
        context.load_verify_locations(cafile, capath, cadata)
    elif context.verify_mode != CERT_NONE:
        context.load_default_certs(purpose)
    key_log = None if sys.flags.ignore_environment else os.environ.get("SSLKEYLOGFILE")
    if key_log:
        context.keylog_filename = key_log


def _create_unverified_context(
    protocol: int | None = None,
    *,
    cert_reqs: int | None = CERT_NONE,
    check_hostname: bool = False,
    purpose: Any = Purpose.SERVER_AUTH,
    certfile: Any = None,
    keyfile: Any = None,
    cafile: Any = None,
    capath: Any = None,
    cadata: Any = None,
    backend: BackendChoice = None,
) -> SSLContext:
    """Make a context as modules of the standard library that verify nothing by default do."""
    if not isinstance(purpose, _ASN1Object):
        raise TypeError(purpose)
    if protocol is None:
        protocol = PROTOCOL_TLS_CLIENT if purpose == Purpose.SERVER_AUTH else PROTOCOL_TLS_SERVER
    context: SSLContext = SSLContext(protocol, backend=backend)
    context.check_hostname = check_hostname
    if cert_reqs is not None:
        context.verify_mode = cert_reqs
    if check_hostname:
        context.check_hostname = True
    if keyfile and not certfile:
        raise ValueError("certfile must be specified")
    if certfile:
        context.load_cert_chain(certfile, keyfile)
    _load_authorities(context, purpose, cafile, capath, cadata)
    return context


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_server_certificate(
    addr: tuple[str, int],
    ssl_version: int = PROTOCOL_TLS_CLIENT,
    ca_certs: Any = None,
    timeout: Any = _GLOBAL_DEFAULT_TIMEOUT,
    *,
    backend: BackendChoice = None,
) -> str:
    """Fetch the certificate of the server at `addr`, in PEM.

    Args:
        addr: host and port.
        ssl_version: the protocol.
        ca_certs: a file of authorities; with it the certificate is verified.
        timeout: in seconds.
        backend: a backend or its name; not in the `ssl` module.
    """
    context = _create_unverified_context(
        ssl_version, cert_reqs=CERT_NONE if ca_certs is None else CERT_REQUIRED, cafile=ca_certs, backend=backend
    )
    with (
        socket_module.create_connection(addr, timeout=timeout) as raw,
        context.wrap_socket(raw, server_hostname=addr[0]) as wrapped,
    ):
        return DER_cert_to_PEM_cert(wrapped.getpeercert(True))


def get_default_verify_paths() -> Any:
    """Say where the system's authorities are looked for."""
    if real is not None:
        return real.get_default_verify_paths()
    bundle = system_bundle()
    return DefaultVerifyPaths(bundle, None, "SSL_CERT_FILE", bundle, "SSL_CERT_DIR", None)


def cert_time_to_seconds(cert_time: str) -> int:
    """The seconds since the epoch of a time as `SSLSocket.getpeercert` shows it, such as ``Jan  5 09:34:43 2018 GMT``."""
    form = " %d %H:%M:%S %Y GMT"
    if cert_time[:3].title() not in _MONTHS:
        raise ValueError(f'time data {cert_time!r} does not match format "%b{form}"')
    moment = strptime(cert_time[3:], form)
    return timegm((moment[0], _MONTHS.index(cert_time[:3].title()) + 1, *moment[2:6]))


def DER_cert_to_PEM_cert(der_cert_bytes: bytes) -> str:
    """A certificate in PEM, from DER."""
    text = base64.standard_b64encode(der_cert_bytes).decode("ascii")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([PEM_HEADER, *lines, PEM_FOOTER, ""])


def PEM_cert_to_DER_cert(pem_cert_string: str) -> bytes:
    """A certificate in DER, from PEM."""
    if not pem_cert_string.startswith(PEM_HEADER):
        raise ValueError(f"Invalid PEM encoding; must start with {PEM_HEADER}")
    if not pem_cert_string.strip().endswith(PEM_FOOTER):
        raise ValueError(f"Invalid PEM encoding; must end with {PEM_FOOTER}")
    return base64.decodebytes(pem_cert_string.strip()[len(PEM_HEADER) : -len(PEM_FOOTER)].encode("ascii"))


def get_protocol_name(protocol_code: int) -> str:
    """The name of a protocol's number."""
    return _PROTOCOL_NAMES.get(protocol_code, "<unknown>")


# ------------------------------------------------------------------------------------------ randomness


def RAND_bytes(n: int, /) -> bytes:
    """`n` random bytes, from the system's generator."""
    if n < 0:
        raise ValueError("num must be positive")
    return os.urandom(n)


def RAND_pseudo_bytes(n: int, /) -> tuple[bytes, bool]:
    """`n` random bytes, and that they are good ones (up to Python 3.11)."""
    warnings.warn("ssl.RAND_pseudo_bytes() is deprecated", DeprecationWarning, stacklevel=2)
    return RAND_bytes(n), True


def RAND_status() -> bool:
    """Whether the generator has been seeded: the system's always is."""
    return True


def RAND_add(string: Any, entropy: float, /) -> None:
    """Add to the entropy of the real module's generator, where there is one; the system's needs none."""
    if real is not None:
        real.RAND_add(string, entropy)


# ------------------------------------------------------------------------------------------ up to Python 3.11


def wrap_socket(
    sock: Any,
    keyfile: Any = None,
    certfile: Any = None,
    server_side: bool = False,
    cert_reqs: int = CERT_NONE,
    ssl_version: int = PROTOCOL_TLS,
    ca_certs: Any = None,
    do_handshake_on_connect: bool = True,
    suppress_ragged_eofs: bool = True,
    ciphers: str | None = None,
) -> Any:
    """Wrap a socket without a context (up to Python 3.11): by default nothing is verified."""
    warnings.warn("ssl.wrap_socket() is deprecated, use SSLContext.wrap_socket()", DeprecationWarning, stacklevel=2)
    if server_side and not certfile:
        raise ValueError("certfile must be specified for server-side operations")
    if keyfile and not certfile:
        raise ValueError("certfile must be specified")
    context: SSLContext = SSLContext(ssl_version)
    context.verify_mode = cert_reqs
    if ca_certs:
        context.load_verify_locations(ca_certs)
    if certfile:
        context.load_cert_chain(certfile, keyfile)
    if ciphers:
        context.set_ciphers(ciphers)
    return context.wrap_socket(
        sock=sock,
        server_side=server_side,
        do_handshake_on_connect=do_handshake_on_connect,
        suppress_ragged_eofs=suppress_ragged_eofs,
    )
