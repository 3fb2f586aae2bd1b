"""The text's values as those of unitls. Files are read here."""

from __future__ import annotations

from typing import Any, Final

from ...api import _versions
from ...api._certificates import Certificate, Identity, PrivateKey
from ...api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ...api._errors import ConfigurationError
from ...api._protocols import ClientAuthentication
from ...api._trust import TrustStore
from . import _configuration, _values
from ._configuration import TLSVersion

_VERSIONS: Final = {
    TLSVersion.MINIMUM_SUPPORTED: _versions.TLSVersion.TLSv1_2,  # the lowest that the text knows
    TLSVersion.TLSv1_2: _versions.TLSVersion.TLSv1_2,
    TLSVersion.TLSv1_3: _versions.TLSVersion.TLSv1_3,
    TLSVersion.MAXIMUM_SUPPORTED: _versions.TLSVersion.MAXIMUM_SUPPORTED,
}


def client_settings(configuration: object, *, validate: bool = True) -> TLSClientConfiguration:
    """What a client's configuration says.

    Raises:
        ConfigurationError: it is none, or one of its values cannot be used.
        OSError: a file cannot be read.
    """
    if not isinstance(configuration, _configuration.TLSClientConfiguration):
        raise ConfigurationError(f"a client needs a TLSClientConfiguration, not a {type(configuration).__name__}")
    chain = configuration.certificate_chain
    return TLSClientConfiguration(
        validate_certificates=validate,
        identities=() if chain is None else (_identity(chain),),
        trust_store=_trust_store(configuration.trust_store),
        **_common(configuration),
    )


def server_settings(configuration: object, *, validate: bool = True) -> TLSServerConfiguration:
    """What a server's configuration says.

    Raises:
        ConfigurationError: it is none, or one of its values cannot be used.
        OSError: a file cannot be read.
    """
    if not isinstance(configuration, _configuration.TLSServerConfiguration):
        raise ConfigurationError(f"a server needs a TLSServerConfiguration, not a {type(configuration).__name__}")
    asks = validate and configuration.trust_store is not None
    return TLSServerConfiguration(
        client_authentication=ClientAuthentication.REQUIRED if asks else ClientAuthentication.NONE,
        identities=tuple(map(_identity, configuration.certificate_chain or ())),
        trust_store=_trust_store(configuration.trust_store) if asks else None,
        **_common(configuration),
    )


def text_version(version: _versions.TLSVersion | None) -> TLSVersion | None:
    """The text's member for a version that was negotiated."""
    return None if version is None else TLSVersion[version.name]


def _common(configuration: _configuration._Configuration[Any]) -> dict[str, Any]:
    lowest, highest = configuration.lowest_supported_version, configuration.highest_supported_version
    return {
        "ciphers": configuration.ciphers,
        "inner_protocols": configuration.inner_protocols,
        "lower_bound": _version(TLSVersion.TLSv1_2 if lowest is None else lowest),
        "upper_bound": _version(TLSVersion.MAXIMUM_SUPPORTED if highest is None else highest),
    }


def _version(version: TLSVersion) -> _versions.TLSVersion:
    if not isinstance(version, TLSVersion):
        raise ConfigurationError(f"a version is a TLSVersion of this module, not {version!r}")
    return _VERSIONS[version]


def _identity(chain: _values.SigningChain) -> Identity:
    if not isinstance(chain, _values.SigningChain):
        raise ConfigurationError(f"a certificate chain is a SigningChain, not a {type(chain).__name__}")
    leaf, key = chain.leaf
    certificates = [_loaded(item, _values.Certificate, Certificate) for item in (leaf, *chain.chain)]
    if key is not None:
        return Identity(certificates, _loaded(key, _values.PrivateKey, PrivateKey))
    # The text lets the key stand where the certificate does.
    return Identity(certificates, _loaded(leaf, _values.Certificate, PrivateKey))


def _loaded(source: Any, kind: type[Any], native: type[Any]) -> Any:
    """What a source refers to, as a value of unitls."""
    if not isinstance(source, kind):
        raise ConfigurationError(f"a {kind.__name__} of this module is needed, not a {type(source).__name__}")
    if source._buffer is not None:
        return native.from_buffer(source._buffer)
    if source._path is not None:
        return native.from_file(source._path)
    if isinstance(source._id, bytes) and source._id.startswith(b"pkcs11:"):
        return native.from_pkcs11(source._id.decode("utf-8"))
    raise ConfigurationError(f"the identifier {source._id!r} is unknown here: use a 'pkcs11:' URI (RFC 7512)")


def _trust_store(store: _values.TrustStore | None) -> TrustStore | None:
    if store is None:
        return None
    if isinstance(store, _values.TrustStore) and store._id is not None:
        raise ConfigurationError("no backend here knows trust stores by an identifier: use a file, or bytes")
    if isinstance(store, _values.TrustStore) and store._buffer is None and store._path is None:
        return TrustStore.system()
    trusted: TrustStore = _loaded(store, _values.TrustStore, TrustStore)
    return trusted
