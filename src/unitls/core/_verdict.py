"""Core's own verdict on the peer, on top of the library's: one strict check, the same with every library.

It is given before any application data is read or written, and on a client before its last flight leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import time
from typing import Final, NamedTuple

from ..api._cipher_values import cipher_suite
from ..api._configuration import TLSConfiguration
from ..api._errors import CertificateVerificationError, TLSError, VerifyFailure
from ..api._sessions import Session
from ..api._subjects import Subject
from ._clock import time_by
from ._der import DERError
from ._known_paths import KnownPaths
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
        path: the path that was trusted; empty where the library tells it, or nobody knows it.
    """

    leaf: bytes | None
    path: tuple[bytes, ...] = ()


_NOBODY_YET: Final = Accepted(None)


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest peer that was accepted: the same path for the same names is no question again.

    Attributes:
        path: the path that the library has trusted, the peer's own certificate first.
        subjects: the acceptable names.
        not_before: when its certificate begins to be valid, in seconds since the epoch.
        not_after: when it ends, or an intermediate before it.
        accepted: the verdict.
    """

    path: list[bytes]
    subjects: Sequence[Subject] | None
    not_before: float
    not_after: float
    accepted: Accepted


class Judge:
    """Gives the verdict for all connections of one configuration. Many of them in a row go to the same peer.

    Args:
        provider: the backend.
        configuration: what is asked for.

    Attributes:
        beforehand: the verdict before the peer's certificate is known: none, unless all are accepted.
        system: whom to ask besides the library.
    """

    __slots__ = ("_configuration", "_newest", "_paths", "_provider", "_remembers", "beforehand", "system")

    def __init__(self, provider: Provider, configuration: TLSConfiguration) -> None:
        self._provider = provider
        self._configuration = configuration
        self._remembers = not (configuration.verification_hook or configuration.crls)
        self.beforehand = None if configuration.validate_certificates else Accepted(None)
        self._newest: Newest | None = None  # replaced whole, so it needs no lock
        self._paths = KnownPaths()
        self.system: SystemJudge | None = None

    def verdict(self, plan: ConnectionPlan, engine: Engine) -> Accepted:
        """As `judge`."""
        path = engine.verified_chain()
        if not path:
            leaf = engine.peer_certificate()
            if leaf is None:
                return _NOBODY_YET
            plan = self._with_session(plan, engine, leaf)
            path = trusted_path(engine, plan)
            if path[:1] != [leaf]:
                path = []
        newest, clock = self._newest, self._configuration.verification_time
        if (
            newest is not None
            and newest.path == path
            and newest.subjects is plan.subjects
            and newest.not_before <= (time() if clock is None else time_by(clock)) <= newest.not_after
        ):
            return newest.accepted
        accepted = judge(self._provider, self._configuration, plan, engine, self.system)
        if plan.server_side and accepted.leaf is not None:
            accepted = self._with_known_path(accepted, path)
        if self._remembers and self.system is None and path and path[0] == accepted.leaf:
            certificates = [certificate_fields(der) for der in path[:-1] or path]
            end = min(fields.not_after for fields in certificates)
            self._newest = Newest(path, plan.subjects, certificates[0].not_before, end, accepted)
        return accepted

    def _with_session(self, plan: ConnectionPlan, engine: Engine, leaf: bytes) -> ConnectionPlan:
        """On a server: let a session that is resumed bring the path of its first handshake, as a client's does."""
        path = self._paths.find(leaf) if plan.server_side and engine.resumed() else ()
        return plan.with_session(Session(None, 0, False, None, path)) if path else plan

    def _with_known_path(self, accepted: Accepted, path: list[bytes]) -> Accepted:
        """On a server: note by which path a client was trusted."""
        known = accepted.path or tuple(path)
        if not known or known[0] != accepted.leaf:
            return accepted
        self._paths.remember(known)
        return accepted._replace(path=known)


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
        if fault is None and plan.session is not None:
            fault = _age_fault(trusted[1:-1], now)
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


def _age_fault(intermediates: list[bytes], now: float) -> Fault | None:
    """Whether a certificate of the path has ended since: nobody else looks where a session is resumed."""
    if all(certificate_fields(der).not_after >= now for der in intermediates):
        return None
    return Fault(VerifyFailure.EXPIRED, "a certificate of the path has expired")


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
    all_sign = not any(getattr(cipher_suite(suite), "name", "").startswith("TLS_RSA_") for suite in suites)
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
    hook: Callable[[tuple[bytes, ...]], object] = configuration.verification_hook
    try:
        if hook(path) is False:  # a hook that was written as a question means no
            raise ValueError("it has returned False")
    except Exception as error:
        refusal = Fault(VerifyFailure.OTHER, f"the verification hook refused the certificate: {error}")
        raise verification_error(provider, refusal) from error
