"""The verdict of OpenSSL on a certificate: its verification code as a `VerifyFailure`."""

from __future__ import annotations

from .._openssl_codes import failure_of

__all__ = ["failure_of"]
