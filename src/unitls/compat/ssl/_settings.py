"""The properties of a context: each is checked when it is set, against what the backend can do."""

from __future__ import annotations

import os
from operator import index
from typing import TYPE_CHECKING, Any, Final

from ...api._backend import Backend
from ...api._features import Feature
from ...api._versions import TLSVersion as Version
from ...core._key_log import prepare_key_log
from ._constants import (
    CERT_NONE,
    CERT_REQUIRED,
    OP_ALL,
    OP_CIPHER_SERVER_PREFERENCE,
    OP_ENABLE_MIDDLEBOX_COMPAT,
    OP_IGNORE_UNEXPECTED_EOF,
    OP_NO_COMPRESSION,
    OP_NO_RENEGOTIATION,
    OP_NO_TICKET,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
    VERIFY_ALLOW_PROXY_CERTS,
    VERIFY_CRL_CHECK_CHAIN,
    VERIFY_CRL_CHECK_LEAF,
    VERIFY_X509_PARTIAL_CHAIN,
    VERIFY_X509_STRICT,
    VERIFY_X509_TRUSTED_FIRST,
    OP_NO_SSLv3,
    OP_NO_TLSv1,
    OP_NO_TLSv1_1,
    OP_NO_TLSv1_2,
    OP_NO_TLSv1_3,
)
from ._enums import Options, TLSVersion, VerifyFlags, VerifyMode, _SSLMethod
from ._translate import boundary, unsupported
from ._wishes import Wishes

# What each backend does or leaves in any case, or what only permits something that no backend does: both values are true.
_WITHOUT_EFFECT: Final = (
    OP_ALL
    | OP_NO_COMPRESSION
    | OP_NO_RENEGOTIATION
    | OP_CIPHER_SERVER_PREFERENCE
    | OP_ENABLE_MIDDLEBOX_COMPAT
    | OP_NO_SSLv3
)
_HONOURED: Final = OP_NO_TLSv1 | OP_NO_TLSv1_1 | OP_NO_TLSv1_2 | OP_NO_TLSv1_3 | OP_NO_TICKET | OP_IGNORE_UNEXPECTED_EOF
_KNOWN_FLAGS: Final = VERIFY_X509_TRUSTED_FIRST | VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT | VERIFY_CRL_CHECK_LEAF


class Settings:
    """A mix-in over ``_wishes`` and ``_backend``."""

    _wishes: Wishes
    _backend: Backend
    _protocol: int

    if TYPE_CHECKING:

        def _set(self, **changes: Any) -> None: ...

    @property
    def backend(self) -> Backend:
        """The backend; not in the `ssl` module."""
        return self._backend

    def _require(self, feature: Feature) -> None:
        with boundary():
            self._backend.capabilities.require(feature, self._backend.name)

    # ------------------------------------------------------------------------------------------ verification

    @property
    def protocol(self) -> _SSLMethod:
        """The role, or the one version, the context was made with."""
        return _SSLMethod(self._protocol)

    @property
    def verify_mode(self) -> VerifyMode:
        """Whether the peer's certificate is asked for and verified."""
        return VerifyMode(self._wishes.verify_mode)

    @verify_mode.setter
    def verify_mode(self, value: int) -> None:
        try:
            mode = VerifyMode(index(value))
        except ValueError:
            raise ValueError("invalid value for verify_mode") from None
        if mode == CERT_NONE and self._wishes.check_hostname:
            raise ValueError("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.")
        if mode == CERT_NONE and self._protocol == PROTOCOL_TLS_CLIENT:
            self._require(Feature.DISABLE_VALIDATION)
        self._set(verify_mode=mode)

    @property
    def check_hostname(self) -> bool:
        """Whether the peer's name is checked, against its subject alternative names only."""
        return self._wishes.check_hostname

    @check_hostname.setter
    def check_hostname(self, value: Any) -> None:
        wanted = bool(value)
        if wanted and self._wishes.verify_mode == CERT_NONE:
            self._set(verify_mode=CERT_REQUIRED)
        self._set(check_hostname=wanted)

    @property
    def hostname_checks_common_name(self) -> bool:
        """False: a common name is never taken for a host name (RFC 9525)."""
        return False

    @hostname_checks_common_name.setter
    def hostname_checks_common_name(self, value: Any) -> None:
        if value:
            raise unsupported(
                Feature.DISABLE_VALIDATION, "host names are looked for in the subject alternative names only (RFC 9525)"
            )

    @property
    def verify_flags(self) -> VerifyFlags:
        """How certificates are verified."""
        return VerifyFlags(self._wishes.verify_flags)

    @verify_flags.setter
    def verify_flags(self, value: int) -> None:
        flags = index(value)
        if flags & VERIFY_CRL_CHECK_CHAIN == VERIFY_CRL_CHECK_CHAIN:
            raise unsupported(Feature.CRLS, "revocation is checked for the leaf only: use VERIFY_CRL_CHECK_LEAF")
        if flags & VERIFY_ALLOW_PROXY_CERTS or flags & ~_KNOWN_FLAGS:
            raise unsupported(
                Feature.VERIFICATION_HOOK, f"no backend knows the verify flags {flags & ~_KNOWN_FLAGS:#x}"
            )
        if flags & VERIFY_CRL_CHECK_LEAF:
            self._require(Feature.CRLS)
        if flags & VERIFY_X509_STRICT:
            self._require(Feature.VERIFICATION_HOOK)
        self._set(verify_flags=flags)

    # ------------------------------------------------------------------------------------------ versions, options

    @property
    def options(self) -> Options:
        """What the context is told to do or to leave."""
        return Options(self._wishes.options)

    @options.setter
    def options(self, value: int) -> None:
        options = index(value)
        if options < 0:
            raise OverflowError("can't convert negative value to unsigned int")
        foreign = options & ~int(_WITHOUT_EFFECT | _HONOURED)
        if foreign:
            raise unsupported(Feature.VERSIONS, f"no backend knows the options {foreign:#x}")
        self._set(options=options)

    @property
    def minimum_version(self) -> TLSVersion:
        """The lowest version that is accepted."""
        return _shown(self._wishes.lower)

    @minimum_version.setter
    def minimum_version(self, value: int) -> None:
        version = self._version(value)
        # Told as what it is: programs compare it, and the number of MAXIMUM_SUPPORTED is below that of any version.
        self._set(lower=self._backend.capabilities.versions[-1] if version is Version.MAXIMUM_SUPPORTED else version)

    @property
    def maximum_version(self) -> TLSVersion:
        """The highest version that is accepted."""
        return _shown(self._wishes.upper)

    @maximum_version.setter
    def maximum_version(self, value: int) -> None:
        version = self._version(value)
        self._set(upper=self._backend.capabilities.versions[0] if version is Version.MINIMUM_SUPPORTED else version)

    def _version(self, value: int) -> Version:
        """A version of ours, if the library has it.

        Raises:
            SSLError: it does not.
            ValueError: there is no such version.
        """
        try:
            wanted = TLSVersion(index(value))
        except ValueError:
            raise ValueError(f"Unsupported TLS/SSL version {value:#x}") from None
        if wanted in _BOUNDS:
            return _BOUNDS[wanted]
        version, capabilities = Version(int(wanted)), self._backend.capabilities
        if version not in capabilities.versions:
            self._refuse_version(version)
        return version

    def _refuse_version(self, version: Version) -> None:
        known = ", ".join(map(str, self._backend.capabilities.versions))
        raise unsupported(Feature.VERSIONS, f"the backend {self._backend.name!r} has {known}, but not {version}")

    # ------------------------------------------------------------------------------------------ the rest

    @property
    def security_level(self) -> int:
        """2, which is 112 bits: what every backend keeps to."""
        return 2

    @property
    def keylog_filename(self) -> str | None:
        """The file that secrets are appended to."""
        return self._wishes.key_log or None

    @keylog_filename.setter
    def keylog_filename(self, value: Any) -> None:
        path = "" if value is None else os.fsdecode(value)
        if value is not None:
            self._require(Feature.KEY_LOG)
            prepare_key_log(path)
        self._set(key_log=path)

    @property
    def num_tickets(self) -> int:
        """How many tickets a server sends."""
        return 2 if self._wishes.tickets is None else self._wishes.tickets

    @num_tickets.setter
    def num_tickets(self, value: int) -> None:
        count = index(value)
        if count < 0:
            raise ValueError("value must be non-negative")
        if self._protocol != PROTOCOL_TLS_SERVER:
            raise ValueError("SSLContext is not a server context.")
        self._require(Feature.TICKET_COUNT)
        self._set(tickets=count)

    @property
    def post_handshake_auth(self) -> bool | None:
        """Whether a client can be asked for a certificate later; `None` where the backend cannot, as with an old OpenSSL."""
        if not self._backend.capabilities.supports(Feature.POST_HANDSHAKE_AUTHENTICATION):
            return None
        return self._wishes.post_handshake

    @post_handshake_auth.setter
    def post_handshake_auth(self, value: Any) -> None:
        if value:
            self._require(Feature.POST_HANDSHAKE_AUTHENTICATION)
        self._set(post_handshake=bool(value))

    @property
    def _msg_callback(self) -> None:
        """`None`: no backend shows its messages."""
        return None

    @_msg_callback.setter
    def _msg_callback(self, callback: Any) -> None:
        if callback is not None:
            raise unsupported(
                Feature.KEY_LOG, "no backend shows the messages of the handshake; a key log can help instead"
            )


_BOUNDS: Final = {
    TLSVersion.MINIMUM_SUPPORTED: Version.MINIMUM_SUPPORTED,
    TLSVersion.MAXIMUM_SUPPORTED: Version.MAXIMUM_SUPPORTED,
}


def _shown(version: Version) -> TLSVersion:
    for theirs, ours in _BOUNDS.items():
        if version is ours:
            return theirs
    return TLSVersion(int(version))
