"""Core's own verdict on the peer, on top of the library's: one strict check, the same with every library.

It is given before any application data is read or written, and on a client before its last flight leaves.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from ..api._ciphers import CipherSuite
from ..api._configuration import TLSConfiguration
from ..api._errors import CertificateVerificationError, TLSError, VerifyFailure
from ._clock import time_by
from ._der import DERError
from ._leaf_check import Fault, leaf_fault
from ._path_rules import CLIENT_AUTH, SERVER_AUTH, path_fault
from ._provider import ConnectionPlan, Engine, Provider
from ._revocation_lists import list_fault
from ._system_verdict import SystemJudge
from ._values import NeutralTrustStore
from ._x509 import certificate_fields


class Accepted(NamedTuple):
    """A peer that may be talked to.

    Attributes:
        leaf: its certificate in DER; `None` if it has shown none yet.
        path: the path that was trusted, where not the library has verified it; else empty.
    """

    leaf: bytes | None
    path: tuple[bytes, ...] = ()


def judge(
    provider: Provider,
    configuration: TLSConfiguration,
    plan: ConnectionPlan,
    engine: Engine,
    system: SystemJudge | None = None,
) -> Accepted:
    """Check the peer's certificate, once the engine knows it.

    Args:
        provider: the backend.
        configuration: what is asked for.
        plan: what this connection needs.
        engine: it.
        system: whom to ask besides the library.

    Raises:
        CertificateVerificationError: it is not acceptable.
        Exception: whatever the verification hook (or the platform) raised is the ``__cause__`` of the former.
    """
    leaf = engine.peer_certificate()
    if leaf is None or not configuration.validate_certificates:
        return Accepted(leaf)
    path = () if system is None else _ask(provider, system, engine, plan, leaf)
    now = time_by(configuration.verification_time)
    fault = leaf_fault(leaf, plan.subjects, is_anchor=False, now=now)
    if fault is not None and fault.failure is VerifyFailure.BAD_PURPOSE:
        trusted = path or engine.verified_chain() or engine.peer_chain()
        if _is_anchor(leaf, list(trusted), configuration):
            fault = leaf_fault(leaf, plan.subjects, is_anchor=True, now=now)
    if fault is None:
        trusted = list(path) or trusted_path(engine, plan)
        fault = _path_fault(tuple(trusted), plan, configuration, provider) or list_fault(
            configuration.crls, trusted, now
        )
    if fault is None and (configuration.pins or configuration.verification_hook):
        trusted = list(path) or trusted_path(engine, plan) or engine.peer_chain()
        fault = _pin_fault(trusted, configuration)
        if fault is None:
            _run_hook(provider, configuration, tuple(trusted))
    if fault is not None:
        raise verification_error(provider, fault)
    return Accepted(leaf, path)


def _ask(
    provider: Provider, system: SystemJudge, engine: Engine, plan: ConnectionPlan, leaf: bytes
) -> tuple[bytes, ...]:
    """Ask the system; without an answer nobody is trusted. Returns the path that it trusts."""
    path = trusted_path(engine, plan)
    # Where a session was resumed, nothing or only the leaf was sent: the path of then leads on.
    chain = list(dict.fromkeys([leaf, *engine.peer_chain(), *path]))
    try:
        fault, trusted = system(chain, path, plan.subjects)
    except Exception as error:
        unknown = Fault(VerifyFailure.OTHER, f"the system's verification has failed: {error}")
        raise verification_error(provider, unknown) from error
    if fault is not None:
        raise verification_error(provider, fault)
    return trusted


def trusted_path(engine: Engine, plan: ConnectionPlan) -> list[bytes]:
    """The path that was trusted: in this handshake, or in the one whose session was resumed."""
    return engine.verified_chain() or (
        list(plan.session.chain) if plan.session is not None and engine.resumed() else []
    )


def verification_error(provider: Provider, fault: Fault) -> TLSError:
    """The backend's error for a fault that core has found."""
    return provider.fault(CertificateVerificationError, fault.text, failure=fault.failure, subject=fault.subject)


def _is_anchor(leaf: bytes, path: list[bytes], configuration: TLSConfiguration) -> bool:
    store = configuration.trust_store
    if isinstance(store, NeutralTrustStore) and leaf in store.anchors:
        return True
    return path == [leaf] and certificate_fields(leaf).is_self_issued


def _path_fault(
    path: tuple[bytes, ...], plan: ConnectionPlan, configuration: TLSConfiguration, provider: Provider
) -> Fault | None:
    """Hold the path against the rules, where the library tells it; a session of which none is known was judged before."""
    if not path:
        return None
    purpose = CLIENT_AUTH if plan.server_side else SERVER_AUTH
    fault = path_fault(path, purpose)
    if fault is None or plan.server_side:
        return fault
    # Clients sign always. Servers do, unless a suite is enabled in which the client encrypts to their key: which one was
    # chosen not every library tells yet, and all look at the key usage themselves then.
    suites = configuration.ciphers or provider.default_ciphers()
    all_sign = not any(CipherSuite(suite).name.startswith("TLS_RSA_") for suite in suites)
    return fault if all_sign else path_fault(path, purpose, signs=False)


def _pin_fault(path: list[bytes], configuration: TLSConfiguration) -> Fault | None:
    if not configuration.pins:
        return None
    for certificate in path:
        try:
            if hashlib.sha256(certificate_fields(certificate).spki).digest() in configuration.pins:
                return None
        except DERError:
            continue
    return Fault(VerifyFailure.OTHER, "none of the certificates has a pinned key")


def _run_hook(provider: Provider, configuration: TLSConfiguration, path: tuple[bytes, ...]) -> None:
    if configuration.verification_hook is None:
        return
    try:
        configuration.verification_hook(path)
    except Exception as error:
        refusal = Fault(VerifyFailure.OTHER, f"the verification hook refused the certificate: {error}")
        raise verification_error(provider, refusal) from error
