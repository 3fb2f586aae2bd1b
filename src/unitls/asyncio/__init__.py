"""TLS on event loops: the functions of asyncio that open connections and servers, with contexts of any backend.

They work on the loops of asyncio and on uvloop, and need no module `ssl`.
"""

from ._connecting import create_connection as create_connection
from ._connecting import create_server as create_server
from ._connecting import start_tls as start_tls
from ._information import ConnectionInformation as ConnectionInformation
from ._streams import StreamWriter as StreamWriter
from ._streams import open_connection as open_connection
from ._streams import start_server as start_server
from ._streams import upgrade as upgrade
from ._transport import TLSTransport as TLSTransport

__all__ = [
    "ConnectionInformation",
    "StreamWriter",
    "TLSTransport",
    "create_connection",
    "create_server",
    "open_connection",
    "start_server",
    "start_tls",
    "upgrade",
]
