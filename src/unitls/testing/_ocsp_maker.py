"""Makes OCSP responses anew, good and bad, about the server of the shipped identities, with `cryptography`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from ._ca import CertificateAuthority, Issued
from ._zoo import Identities, OCSPCase
from ._zoo_maker import END, LONG_AGO, START

if TYPE_CHECKING:
    from cryptography.x509.ocsp import OCSPCertStatus

_OCSP_SIGNING = b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x09"
"""The extension extendedKeyUsage with id-kp-OCSPSigning alone (RFC 6960 section 4.2.2.2)."""
_EXTENDED_KEY_USAGE = "2.5.29.37"


def make_responses(identities: Identities) -> tuple[OCSPCase, ...]:
    """Make every response.

    Args:
        identities: of whom they are made.

    Returns:
        The good ones first.

    Raises:
        ConfigurationError: `cryptography` is missing.
    """
    from cryptography.x509.ocsp import OCSPCertStatus

    good, revoked, unknown = OCSPCertStatus.GOOD, OCSPCertStatus.REVOKED, OCSPCertStatus.UNKNOWN
    root = identities.authority
    own = Issued((root.certificate_der,), root.key_pem, 0)
    appointed = root.issue(
        common_name="responder", not_before=START, not_after=END, purposes=(),
        extensions=[(_EXTENDED_KEY_USAGE, False, _OCSP_SIGNING)],
    )  # fmt: skip
    unappointed = root.issue(common_name="nobody", not_before=START, not_after=END)
    stranger = CertificateAuthority.create(not_before=START, not_after=END)
    impostor = Issued((stranger.certificate_der,), stranger.key_pem, 0)
    server, client = identities.server, identities.client

    def case(name: str, note: str, signer: Issued, failure: str | None = None, **options: object) -> OCSPCase:
        about = {"issued": server, "status": good, "until": END, **options}
        return OCSPCase(name, note, failure, _response(root, signer, **about))  # type: ignore[arg-type]

    return (
        case("good", "good, from the issuer itself", own),
        case("good_appointed", "good, from a responder that the issuer has appointed", appointed),
        case("revoked", "the certificate is revoked", own, "REVOKED", status=revoked),
        case("unknown", "the responder does not know the certificate", own, "OTHER", status=unknown),
        case("stale", "good, and long past its next update", own, "OTHER", until=LONG_AGO),
        case("other_certificate", "good, about another certificate", own, "OTHER", issued=client),
        case("unappointed", "good, signed by a certificate that is not for that", unappointed, "OTHER"),
        case("forged", "good, signed by an authority with the issuer's name and another key", impostor, "OTHER"),
        OCSPCase("garbage", "no OCSP response at all", "OTHER", b"\x30\x03\x0a\x01\x03"),
    )


def _response(
    root: CertificateAuthority, signer: Issued, *, issued: Issued, status: OCSPCertStatus, until: datetime
) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.x509 import ocsp

    responder = x509.load_der_x509_certificate(signer.chain[0])
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=x509.load_der_x509_certificate(issued.chain[0]),
            issuer=x509.load_der_x509_certificate(root.certificate_der),
            algorithm=hashes.SHA1(),  # it only names the issuer (RFC 6960 section 4.1.1), and everybody knows it
            cert_status=status,
            this_update=START,
            next_update=until,
            revocation_time=START if revoked else None,
            revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, responder)
    )
    if signer.chain[0] != root.certificate_der:
        builder = builder.certificates([responder])
    key = serialization.load_pem_private_key(signer.key_pem, None)
    made = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return made.public_bytes(serialization.Encoding.DER)
