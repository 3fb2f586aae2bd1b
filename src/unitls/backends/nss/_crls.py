"""Certificate revocation lists (RFC 5280 section 5), read with the package `cryptography`.

NSS keeps the lists that it is given for the whole process, whichever context has brought them. So they are checked here.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...api._errors import VerifyFailure as Failure
from ...core._leaf_check import Fault

if TYPE_CHECKING:
    from cryptography import x509


def load_crls(ders: Sequence[bytes]) -> tuple[Any, ...]:
    """The lists.

    Raises:
        ValueError: one cannot be read.
    """
    from cryptography import x509

    return tuple(x509.load_der_x509_crl(der) for der in ders)


def crl_fault(crls: Sequence[Any], path: Sequence[bytes], now: float) -> Fault | None:
    """Look the leaf up. One of the lists has to cover it: from its issuer, signed by it, and current.

    Args:
        crls: as `load_crls` gives them.
        path: the verified path, leaf first.
        now: seconds since the epoch.
    """
    if len(path) < 2:
        return Fault(Failure.OTHER, "a certificate that is trusted as itself is covered by no revocation list")
    try:
        return _fault(crls, path, now)
    except ValueError as error:  # NSS takes certificates that `cryptography` does not, as with a negative serial number
        return Fault(Failure.OTHER, f"the certificate cannot be looked up in a revocation list: {error}")


def _fault(crls: Sequence[Any], path: Sequence[bytes], now: float) -> Fault | None:
    from cryptography import x509

    leaf, issuer = (x509.load_der_x509_certificate(der) for der in path[:2])
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    covering = [crl for crl in crls if _covers(crl, leaf, issuer)]
    if any(crl.get_revoked_certificate_by_serial_number(leaf.serial_number) is not None for crl in covering):
        return Fault(Failure.REVOKED, "the certificate stands on a revocation list")
    if not covering:
        return Fault(Failure.OTHER, "no revocation list of the issuer covers the certificate")
    if not any(_is_current(crl, moment) for crl in covering):
        return Fault(Failure.OTHER, "the revocation list of the issuer is not of now")
    return None


def _covers(crl: x509.CertificateRevocationList, leaf: x509.Certificate, issuer: x509.Certificate) -> bool:
    if crl.issuer != leaf.issuer or not _may_sign(issuer) or _is_partial(crl):
        return False
    key: Any = issuer.public_key()
    try:
        return crl.is_signature_valid(key)
    except TypeError:  # a key of a kind that signs nothing
        return False


def _may_sign(issuer: x509.Certificate) -> bool:
    from cryptography import x509

    try:
        return issuer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True
    except ValueError:
        return False


def _is_partial(crl: x509.CertificateRevocationList) -> bool:
    """Whether the list speaks of some of the issuer's certificates only, or in a way that is not known here."""
    from cryptography import x509

    try:
        return any(item.critical or isinstance(item.value, x509.DeltaCRLIndicator) for item in crl.extensions)
    except ValueError:
        return True


def _is_current(crl: x509.CertificateRevocationList, moment: datetime.datetime) -> bool:
    until = crl.next_update_utc
    return until is not None and crl.last_update_utc <= moment <= until
