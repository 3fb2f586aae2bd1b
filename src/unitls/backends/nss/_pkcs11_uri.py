"""PKCS#11 URIs (RFC 7512), as far as NSS can follow them, and one attribute of ours.

``configdir`` in the query names the folder of an NSS database, in which ``object`` is a nickname:
``pkcs11:object=www.example.org?configdir=/etc/pki/nssdb``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

from ...api._errors import ConfigurationError
from .errors import make

_TOKEN: Final = ("token", "manufacturer", "model", "serial")
_PATH: Final = frozenset({*_TOKEN, "object", "type", "id", "slot-id", "slot-description", "slot-manufacturer"}) | {
    "library-description", "library-manufacturer", "library-version",
}  # fmt: skip
_FOLLOWED: Final = frozenset({*_TOKEN, "object", "id", "type"})
_QUERY: Final = frozenset({"module-path", "pin-value", "pin-source", "configdir"})


@dataclass(frozen=True, slots=True)
class TokenURI:
    """What a URI says.

    Attributes:
        token: what the token has to say of itself: ``token``, ``manufacturer``, ``model``, ``serial``.
        label: the label of the object, or its nickname in an NSS database.
        identifier: the object's CKA_ID.
        module: the file of the PKCS#11 module; `None` for what p11-kit is set up with.
        configdir: the folder of an NSS database.
        pin: the PIN, if it stands there.
    """

    token: Mapping[str, str]
    label: str | None = None
    identifier: bytes | None = None
    module: str | None = None
    configdir: str | None = None
    pin: bytes | None = field(default=None, repr=False)


def parse_uri(uri: str) -> TokenURI:
    """Read a URI.

    Raises:
        ConfigurationError: it is malformed, or holds an attribute that cannot be followed and so would be ignored.
    """
    path, _, query = uri.removeprefix("pkcs11:").partition("?")
    attributes, options = _attributes(path, ";"), _attributes(query, "&")
    for name in [*(attributes.keys() - _FOLLOWED), *(options.keys() - _QUERY)]:
        known = "is not followed by this backend" if name in _PATH else "is unknown"
        raise make(ConfigurationError, f"the attribute {name!r} of the PKCS#11 URI {known}")
    if options.keys() >= {"module-path", "configdir"}:
        raise make(ConfigurationError, "a PKCS#11 URI names a module or an NSS database, not both")
    identifier = attributes.get("id")
    return TokenURI(
        token={name: unquote(attributes[name]) for name in _TOKEN if name in attributes},
        label=unquote(attributes["object"]) if "object" in attributes else None,
        identifier=None if identifier is None else unquote_to_bytes(identifier),
        module=unquote(options["module-path"]) if "module-path" in options else None,
        configdir=unquote(options["configdir"]) if "configdir" in options else None,
        pin=_pin(options),
    )


def _attributes(text: str, separator: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(separator)):
        name, equals, value = part.partition("=")
        if not equals or not name or name in found:
            raise make(ConfigurationError, f"the PKCS#11 URI is malformed at {name!r} (RFC 7512)")
        found[name] = value
    return found


def _pin(options: Mapping[str, str]) -> bytes | None:
    if "pin-value" in options:
        return unquote_to_bytes(options["pin-value"])
    source = options.get("pin-source")
    if source is None:
        return None
    with open(unquote(source).removeprefix("file:"), "rb") as file:
        return file.read().rstrip(b"\r\n")
