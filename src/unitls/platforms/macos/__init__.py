"""The verification of macOS (SecTrustEvaluateWithError)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...api._configuration import TLSConfiguration
from ...api._errors import ConfigurationError
from ...api._errors import VerifyFailure as Failure
from ...api._subjects import Subject
from ...core._leaf_check import Fault
from ...core._platform import PlatformJudge, PlatformVerifier, Verdict
from ._foundation import Owned, array, certificate, copied
from ._frameworks import Error, frameworks
from ._verdict import Rules


class MacOSVerifier(PlatformVerifier):
    """SecTrust."""

    name = "macOS"

    def prepare(self, anchors: Sequence[bytes], configuration: TLSConfiguration) -> PlatformJudge:
        try:
            rules = Rules(anchors, configuration)
        except Error as error:
            raise ConfigurationError("macOS does not take the trust store: a certificate cannot be read") from error

        def judge(chain: Sequence[bytes], subjects: tuple[Subject, ...] | None) -> Verdict:
            try:
                trust = _trust(chain)
            except Error as error:
                return Verdict(Fault(Failure.INVALID, f"macOS cannot read the certificates (status {error.code})"))
            return rules.judge(trust, subjects, chain)

        return judge


def _trust(chain: Sequence[bytes]) -> Owned:
    """A SecTrust of the certificates that a peer has sent."""
    security, listed = frameworks().security, array([certificate(der) for der in chain])
    made = copied(lambda place: security.SecTrustCreateWithCertificates(listed, None, place))
    if made is None:
        raise Error(-1, "there is no SecTrust")
    return made


VERIFIER: Final = MacOSVerifier()
