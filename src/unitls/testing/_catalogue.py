"""All cases, from the modules that declare them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from . import _cases_alpn as _cases_alpn
from . import _cases_callbacks as _cases_callbacks
from . import _cases_client_auth as _cases_client_auth
from . import _cases_data as _cases_data
from . import _cases_early as _cases_early
from . import _cases_errors as _cases_errors
from . import _cases_features as _cases_features
from . import _cases_handshake as _cases_handshake
from . import _cases_keys as _cases_keys
from . import _cases_late as _cases_late
from . import _cases_names as _cases_names
from . import _cases_nested as _cases_nested
from . import _cases_ocsp as _cases_ocsp
from . import _cases_paths as _cases_paths
from . import _cases_platform as _cases_platform
from . import _cases_psk as _cases_psk
from . import _cases_resumption as _cases_resumption
from . import _cases_sni as _cases_sni
from . import _cases_sockets as _cases_sockets
from . import _cases_streams as _cases_streams
from . import _cases_trust as _cases_trust
from . import _cases_zoo as _cases_zoo
from ._case import declared

CASES: Final = MappingProxyType(declared())
"""Every case of the kit, by name."""
