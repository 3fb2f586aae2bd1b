"""The names and shapes of PEP 543, in its last text, on any backend.

`get_backend` gives the text's ``Backend`` object for each backend of unitls. Everything behind the names is unitls'
own: the same errors, the same enumerations, the same strictness. Where the text would allow less, that is written down
in the guide "The faces of PEP 543 and PEP 748".
"""

from __future__ import annotations

from ...api._certificates import Certificate as Certificate
from ...api._certificates import PrivateKey as PrivateKey
from ...api._ciphers import CipherSuite as CipherSuite
from ...api._errors import RaggedEOF as RaggedEOF
from ...api._errors import TLSError as TLSError
from ...api._errors import WantReadError as WantReadError
from ...api._errors import WantWriteError as WantWriteError
from ...api._protocols import NextProtocol as NextProtocol
from ...api._trust import TrustStore as TrustStore
from ...api._versions import TLSVersion as TLSVersion
from ...core import _neutral as _neutral
from ._abstract import ClientContext as ClientContext
from ._abstract import Context as Context
from ._abstract import ServerContext as ServerContext
from ._abstract import TLSBufferObject as TLSBufferObject
from ._abstract import TLSWrappedBuffer as TLSWrappedBuffer
from ._backend import Backend as Backend
from ._backend import get_backend as get_backend
from ._configuration import DEFAULT_CIPHER_LIST as DEFAULT_CIPHER_LIST
from ._configuration import ServerNameCallback as ServerNameCallback
from ._configuration import TLSConfiguration as TLSConfiguration
from ._socket import TLSWrappedSocket as TLSWrappedSocket

__all__ = [
    "Backend", "Certificate", "CipherSuite", "ClientContext", "Context", "DEFAULT_CIPHER_LIST", "NextProtocol",
    "PrivateKey", "RaggedEOF", "ServerContext", "ServerNameCallback", "TLSBufferObject", "TLSConfiguration", "TLSError",
    "TLSVersion", "TLSWrappedBuffer", "TLSWrappedSocket", "TrustStore", "WantReadError", "WantWriteError",
    "get_backend",
]  # fmt: skip
