"""What "the system's trust" means for one configuration: who is asked on top of the TLS library, or in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from ..api._errors import UnsupportedFeature, VerifyFailure
from ..api._features import Capabilities, Feature
from ..api._subjects import Subject
from ._blocklist import blocked_certificates, blocked_fault
from ._leaf_check import Fault
from ._platform import PlatformJudge, Verdict, platform_verifier
from ._settings import Settings
from ._system_trust import system_anchors

if TYPE_CHECKING:
    from ._provider import Provider

SystemJudge: TypeAlias = Callable[[Sequence[bytes], Sequence[bytes], "tuple[Subject, ...] | None"], Verdict]
"""``judge(chain, path, subjects) -> Verdict``: what the peer has sent, what the library has trusted, acceptable names."""


_NO_ALERT: Final = (
    "With the system's trust the platform verifies servers, not the library; where it refuses one, the client's last flight "
    "is withheld, and the connection ends without an alert."
)


class Verification(NamedTuple):
    """How the peers of one configuration are verified.

    Attributes:
        settings: for the library; they ask for no verification where the platform's takes its place.
        judge: whom core asks besides; `None` if nobody.
        verifier: who verifies, in words; empty if nobody does.
    """

    settings: Settings
    judge: SystemJudge | None
    verifier: str


def uses_platform(provider: Provider, settings: Settings) -> bool:
    """Whether the platform verifies in the place of the library."""
    return settings.platform is not None and not provider.verifies_by_platform


def check_platform(settings: Settings) -> None:
    """Refuse what the platform's verification cannot do in the place of the library's.

    Raises:
        UnsupportedFeature: it is asked for.
    """
    if settings.server_side:
        raise UnsupportedFeature(
            "the platform verifies servers only: give the authorities of your clients as a trust store of its own",
            feature=Feature.SYSTEM_TRUST_STORE,
        )
    if settings.configuration.crls:
        raise UnsupportedFeature(
            "the platform verifies with its own knowledge of revocation: lists need a trust store of their own",
            feature=Feature.CRLS,
        )
    if getattr(settings.configuration, "request_ocsp", False):
        raise UnsupportedFeature(
            "the platform verifies with its own knowledge of revocation: OCSP stapling needs a trust store of its own",
            feature=Feature.OCSP_STAPLING,
        )


def told_capabilities(provider: Provider) -> Capabilities:
    """What a backend tells of itself: what its library can do, and what is different because the platform verifies."""
    known = provider.capabilities()
    if platform_verifier() is None or provider.verifies_by_platform:
        return known
    return replace(known, notes=(*known.notes, _NO_ALERT))


def verification(provider: Provider, settings: Settings) -> Verification:
    """Decide how the peers of a configuration are verified.

    Raises:
        ConfigurationError: the system's trust store cannot be read, or the platform does not take the anchors.
    """
    if not settings.verify:
        return Verification(settings, None, "")
    library = provider.library_version
    if not settings.system_trust:
        return Verification(settings, None, _in_words(library, settings))
    if settings.platform is None:
        roots = f"the roots of {system_anchors().origin}"
        return Verification(settings, _blocking_judge(settings), _in_words(library, settings, roots))
    if provider.verifies_by_platform:
        return Verification(settings, None, _in_words(library, settings, "the roots of the system"))
    asked = settings.platform.prepare(settings.anchors, settings.configuration)
    return Verification(
        _without_verification(settings),
        _platform_judge(asked),
        _in_words(settings.platform.name, settings, "the roots of the system"),
    )


def _platform_judge(asked: PlatformJudge) -> SystemJudge:
    def judge(chain: Sequence[bytes], path: Sequence[bytes], subjects: tuple[Subject, ...] | None) -> Verdict:
        verdict = asked(chain, subjects)
        if verdict.fault is None and verdict.path[:1] != (chain[0],):  # a yes to something else is no yes
            return Verdict(Fault(VerifyFailure.OTHER, "the platform gives no path from the certificate"))
        return verdict

    return judge


def _in_words(who: str, settings: Settings, *roots: str) -> str:
    count = len(settings.anchors)
    given = [f"{count} given anchor" + ("s" if count > 1 else "")] if count else []
    return f"{who}, with {' and '.join([*roots, *given])}"


def _blocking_judge(settings: Settings) -> SystemJudge | None:
    blocked, anchors = blocked_certificates(), frozenset(settings.anchors)
    if not blocked:
        return None

    def judge(chain: Sequence[bytes], path: Sequence[bytes], subjects: tuple[Subject, ...] | None) -> Verdict:
        return Verdict(blocked_fault(blocked, anchors, chain, path), tuple(path))

    return judge


def _without_verification(settings: Settings) -> Settings:
    """The same for a library that leaves the verification to others, as if it was switched off."""
    configuration = replace(
        settings.configuration,
        validate_certificates=False,
        trust_store=None,
        pins=(),
        verification_hook=None,
        verification_time=None,
        verification_depth=None,
    )
    return replace(settings, configuration=configuration, verify=False, system_trust=False, anchors=())
