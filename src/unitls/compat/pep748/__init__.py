"""The names and shapes of PEP 748 on any backend.

`get_implementation` gives the text's ``TLSImplementation`` object for each backend of unitls. Everything behind the names
is unitls' own: the same errors, the same strictness. Where the text would allow less, that is written down in the guide
"The faces of PEP 543 and PEP 748". What switches checks off is in `unitls.compat.pep748.insecure`.
"""

from __future__ import annotations

from ...api._ciphers import CipherSuite as CipherSuite
from ...api._errors import ConfigurationError as ConfigurationError
from ...api._errors import RaggedEOF as RaggedEOF
from ...api._errors import TLSError as TLSError
from ...api._errors import WantReadError as WantReadError
from ...api._errors import WantWriteError as WantWriteError
from ...api._protocols import NextProtocol as NextProtocol
from ...core import _neutral as _neutral
from ._configuration import DEFAULT_CIPHER_LIST as DEFAULT_CIPHER_LIST
from ._configuration import TLSClientConfiguration as TLSClientConfiguration
from ._configuration import TLSServerConfiguration as TLSServerConfiguration
from ._configuration import TLSVersion as TLSVersion
from ._implementation import TLSImplementation as TLSImplementation
from ._implementation import get_implementation as get_implementation
from ._protocols import ClientContext as ClientContext
from ._protocols import ServerContext as ServerContext
from ._protocols import TLSBuffer as TLSBuffer
from ._protocols import TLSSocket as TLSSocket
from ._values import Certificate as Certificate
from ._values import PrivateKey as PrivateKey
from ._values import SigningChain as SigningChain
from ._values import TrustStore as TrustStore

__all__ = [
    "Certificate", "CipherSuite", "ClientContext", "ConfigurationError", "DEFAULT_CIPHER_LIST", "NextProtocol",
    "PrivateKey", "RaggedEOF", "ServerContext", "SigningChain", "TLSBuffer", "TLSClientConfiguration", "TLSError",
    "TLSImplementation", "TLSServerConfiguration", "TLSSocket", "TLSVersion", "TrustStore", "WantReadError",
    "WantWriteError", "get_implementation",
]  # fmt: skip
