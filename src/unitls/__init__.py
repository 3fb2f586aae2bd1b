"""One TLS API for Python, many TLS libraries behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .api._backend import Backend as Backend
from .api._backend import BackendStatus as BackendStatus
from .api._backend import ClientContextFactory as ClientContextFactory
from .api._backend import ServerContextFactory as ServerContextFactory
from .api._buffers import ByteSink as ByteSink
from .api._buffers import ByteSource as ByteSource
from .api._certificates import Certificate as Certificate
from .api._certificates import Identity as Identity
from .api._certificates import PrivateKey as PrivateKey
from .api._configuration import ExternalPSK as ExternalPSK
from .api._configuration import TLSClientConfiguration as TLSClientConfiguration
from .api._configuration import TLSConfiguration as TLSConfiguration
from .api._configuration import TLSServerConfiguration as TLSServerConfiguration
from .api._context import ClientContext as ClientContext
from .api._context import Context as Context
from .api._context import ServerContext as ServerContext
from .api._context import ServerNameCallback as ServerNameCallback
from .api._context import TLSBufferObject as TLSBufferObject
from .api._errors import CertificateVerificationError as CertificateVerificationError
from .api._errors import ConfigurationError as ConfigurationError
from .api._errors import ConnectionFault as ConnectionFault
from .api._errors import InternalTLSError as InternalTLSError
from .api._errors import PeerAlert as PeerAlert
from .api._errors import ProtocolViolation as ProtocolViolation
from .api._errors import RaggedEOF as RaggedEOF
from .api._errors import TLSError as TLSError
from .api._errors import UnsupportedFeature as UnsupportedFeature
from .api._errors import VerifyFailure as VerifyFailure
from .api._errors import WantReadError as WantReadError
from .api._errors import WantWriteError as WantWriteError
from .api._features import Capabilities as Capabilities
from .api._features import Feature as Feature
from .api._protocols import ClientAuthentication as ClientAuthentication
from .api._protocols import NextProtocol as NextProtocol
from .api._sessions import Session as Session
from .api._sessions import SessionCache as SessionCache
from .api._subjects import URI as URI
from .api._subjects import DNSName as DNSName
from .api._subjects import IPAddress as IPAddress
from .api._subjects import Subject as Subject
from .api._trust import TrustStore as TrustStore
from .api._versions import TLSVersion as TLSVersion
from .api._wrapped import TLSWrappedBuffer as TLSWrappedBuffer
from .api._wrapped import TLSWrappedSocket as TLSWrappedSocket
from .core import _neutral as _neutral
from .registry import available_backends as available_backends
from .registry import get_backend as get_backend
from .registry import set_default_backend as set_default_backend

if TYPE_CHECKING:
    from .api._alerts import AlertDescription as AlertDescription
    from .api._ciphers import CipherSuite as Cipher
    from .api._ciphers import CipherSuite as CipherSuite
    from .api._groups import NamedGroup as NamedGroup
    from .api._groups import SignatureScheme as SignatureScheme
    from .core._memory_buffer import MemoryBuffer as MemoryBuffer
    from .core._pkcs12 import load_pkcs12 as load_pkcs12
    from .core._values import load_chain as load_chain

__version__ = "0.1.0"

# The big enumerations and what reads files are loaded when they are first asked for.
_LAZY = {
    "AlertDescription": (".api._alerts", "AlertDescription"),
    "Cipher": (".api._ciphers", "CipherSuite"),
    "CipherSuite": (".api._ciphers", "CipherSuite"),
    "MemoryBuffer": (".core._memory_buffer", "MemoryBuffer"),
    "NamedGroup": (".api._groups", "NamedGroup"),
    "SignatureScheme": (".api._groups", "SignatureScheme"),
    "load_chain": (".core._values", "load_chain"),
    "load_pkcs12": (".core._pkcs12", "load_pkcs12"),
}

__all__ = [
    "AlertDescription", "Backend", "BackendStatus", "ByteSink", "ByteSource", "Capabilities", "Certificate",
    "CertificateVerificationError", "Cipher", "CipherSuite", "ClientAuthentication", "ClientContext",
    "ClientContextFactory", "ConfigurationError", "ConnectionFault", "Context", "DNSName", "ExternalPSK", "Feature",
    "IPAddress", "Identity", "InternalTLSError", "MemoryBuffer", "NamedGroup", "NextProtocol", "PeerAlert",
    "PrivateKey", "ProtocolViolation", "RaggedEOF", "ServerContext", "ServerContextFactory", "ServerNameCallback",
    "Session", "SessionCache", "SignatureScheme", "Subject", "TLSBufferObject", "TLSClientConfiguration",
    "TLSConfiguration", "TLSError", "TLSServerConfiguration", "TLSVersion", "TLSWrappedBuffer", "TLSWrappedSocket",
    "TrustStore", "URI", "UnsupportedFeature", "VerifyFailure", "WantReadError", "WantWriteError",
    "available_backends", "get_backend", "load_chain", "load_pkcs12", "set_default_backend",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, attribute = _LAZY[name]
    value = getattr(importlib.import_module(module, __name__), attribute)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
