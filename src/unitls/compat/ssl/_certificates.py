"""What a context trusts, and what it shows: certificates, keys and revocation lists."""

from __future__ import annotations

import os
from typing import Any

from ...api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ...api._features import Feature
from ...core._x509 import certificate_fields
from ._certificate_dict import decode_certificate
from ._constants import PROTOCOL_TLS_CLIENT, PROTOCOL_TLS_SERVER
from ._material import Path, key_kind, read_data, read_directory, read_identity, read_locations, system_anchors
from ._objects import Purpose, _ASN1Object
from ._settings import Settings
from ._translate import boundary, unsupported


class Certificates(Settings):
    """The part of a context that loads what is in files."""

    def load_cert_chain(self, certfile: Path, keyfile: Path | None = None, password: Any = None) -> None:
        """Load our own certificate chain and its key, in PEM; one of each kind of key is kept.

        Raises:
            SSLError: they are damaged, do not fit each other, or the password is wrong or missing.
            OSError: a file cannot be read.
        """
        identity = read_identity(certfile, keyfile, password)
        with boundary():
            if self._protocol == PROTOCOL_TLS_SERVER:
                self._backend.server_context(TLSServerConfiguration(identities=(identity,), key_log=""))
            else:
                self._backend.client_context(TLSClientConfiguration(identities=(identity,), key_log=""))
            kind = key_kind(identity)
        held = {name: value for name, value in self._wishes.identities.items() if name != kind}
        if held and self._protocol == PROTOCOL_TLS_CLIENT:
            raise unsupported(Feature.CLIENT_CERTIFICATE_CHOICE, "a client context holds a single certificate chain")
        self._set(identities={**held, kind: identity})

    def load_verify_locations(
        self, cafile: Path | None = None, capath: Path | None = None, cadata: str | bytes | None = None
    ) -> None:
        """Load authorities to trust, and revocation lists.

        Raises:
            SSLError: there are none, or one is damaged.
            TypeError: all three are missing.
            OSError: the file cannot be read.
        """
        if cafile is None and capath is None and cadata is None:
            raise TypeError("cafile, capath and cadata cannot be all omitted")
        self._require(Feature.CUSTOM_TRUST_STORE)
        anchors, directory, lists = list(self._wishes.anchors), list(self._wishes.directory), list(self._wishes.crls)
        if cadata is not None:
            anchors += read_data(cadata)
        if cafile is not None:
            with open(os.fspath(cafile), "rb") as file:
                found = read_locations(file.read())
            anchors += found[0]
            lists += found[1]
        if capath is not None:
            found = read_directory(capath)
            directory += found[0]
            lists += found[1]
        self._set(anchors=dict.fromkeys(anchors), directory=dict.fromkeys(directory), crls=dict.fromkeys(lists))

    def load_default_certs(self, purpose: Any = Purpose.SERVER_AUTH) -> None:
        """Trust the system's authorities."""
        if not isinstance(purpose, _ASN1Object):
            raise TypeError(purpose)
        self.set_default_verify_paths()

    def set_default_verify_paths(self) -> None:
        """Trust the system's authorities."""
        self._require(Feature.SYSTEM_TRUST_STORE)
        self._set(system=True)

    def _shown_anchors(self) -> list[bytes]:
        shown = [*self._wishes.anchors, *(system_anchors() if self._wishes.system else ())]
        return list(dict.fromkeys(shown))

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        """The authorities that were loaded; those of a directory are not among them, as theirs are not before they are used."""
        ders = [der for der in self._shown_anchors() if certificate_fields(der).is_ca or _is_root(der)]
        return ders if binary_form else [decode_certificate(der) for der in ders]

    def cert_store_stats(self) -> dict[str, int]:
        """How many certificates and revocation lists were loaded."""
        return {
            "x509": len(self._shown_anchors()),
            "crl": len(self._wishes.crls),
            "x509_ca": len(self.get_ca_certs(binary_form=True)),
        }


def _is_root(der: bytes) -> bool:
    """Whether a certificate counts as an authority for its age: the first version has no basic constraints."""
    fields = certificate_fields(der)
    return fields.is_self_issued and not fields.is_ca and der[:40].find(b"\xa0\x03\x02\x01") < 0
