"""Groups for the key exchange and schemes for signatures, by their IANA numbers."""

from __future__ import annotations

import enum

from ._codepoints import checked_codepoint


class NamedGroup(enum.IntEnum):
    """A group for the key exchange, numbered as in the IANA registry "TLS Supported Groups" (RFC 8446 section 4.2.7).

    Names are the registry's in upper case. The binary curves, the curves below 256 bits and the explicit curves, all
    deprecated by RFC 8422, are left out; as a bare integer each can still be named.
    """

    SECP256K1 = 22  # RFC 4492; deprecated by RFC 8422
    SECP256R1 = 23  # RFC 8422
    SECP384R1 = 24  # RFC 8422
    SECP521R1 = 25  # RFC 8422
    BRAINPOOLP256R1 = 26  # RFC 7027, up to TLS 1.2
    BRAINPOOLP384R1 = 27  # RFC 7027, up to TLS 1.2
    BRAINPOOLP512R1 = 28  # RFC 7027, up to TLS 1.2
    X25519 = 29  # RFC 8446, RFC 8422
    X448 = 30  # RFC 8446, RFC 8422
    BRAINPOOLP256R1TLS13 = 31  # RFC 8734
    BRAINPOOLP384R1TLS13 = 32  # RFC 8734
    BRAINPOOLP512R1TLS13 = 33  # RFC 8734
    GC256A = 34  # RFC 9189
    GC256B = 35  # RFC 9189
    GC256C = 36  # RFC 9189
    GC256D = 37  # RFC 9189
    GC512A = 38  # RFC 9189
    GC512B = 39  # RFC 9189
    GC512C = 40  # RFC 9189
    CURVESM2 = 41  # RFC 8998
    FFDHE2048 = 256  # RFC 7919
    FFDHE3072 = 257  # RFC 7919
    FFDHE4096 = 258  # RFC 7919
    FFDHE6144 = 259  # RFC 7919
    FFDHE8192 = 260  # RFC 7919
    MLKEM512 = 512  # draft-ietf-tls-mlkem
    MLKEM768 = 513  # draft-ietf-tls-mlkem
    MLKEM1024 = 514  # draft-ietf-tls-mlkem
    SECP256R1MLKEM768 = 4587  # draft-ietf-tls-ecdhe-mlkem
    X25519MLKEM768 = 4588  # draft-ietf-tls-ecdhe-mlkem
    SECP384R1MLKEM1024 = 4589  # draft-ietf-tls-ecdhe-mlkem
    CURVESM2MLKEM768 = 4590  # draft-yang-tls-hybrid-sm2-mlkem
    X25519KYBER768DRAFT00 = 25497  # draft-tls-westerbaan-xyber768d00; obsolete


class SignatureScheme(enum.IntEnum):
    """A signature algorithm, numbered as in the IANA registry "TLS SignatureScheme" (RFC 8446 section 4.2.3).

    Names are the registry's in upper case. The identity-based schemes are left out, as are the pairs of a hash and a
    signature algorithm that TLS 1.2 can write (RFC 5246 section 7.4.1.4.1) and that have no name in the registry.
    """

    RSA_PKCS1_SHA1 = 0x0201  # RFC 8446; deprecated by RFC 9155
    ECDSA_SHA1 = 0x0203  # RFC 8446; deprecated by RFC 9155
    RSA_PKCS1_SHA256 = 0x0401  # RFC 8446
    ECDSA_SECP256R1_SHA256 = 0x0403  # RFC 8446
    RSA_PKCS1_SHA256_LEGACY = 0x0420  # RFC 9963
    RSA_PKCS1_SHA384 = 0x0501  # RFC 8446
    ECDSA_SECP384R1_SHA384 = 0x0503  # RFC 8446
    RSA_PKCS1_SHA384_LEGACY = 0x0520  # RFC 9963
    RSA_PKCS1_SHA512 = 0x0601  # RFC 8446
    ECDSA_SECP521R1_SHA512 = 0x0603  # RFC 8446
    RSA_PKCS1_SHA512_LEGACY = 0x0620  # RFC 9963
    SM2SIG_SM3 = 0x0708  # RFC 8998
    GOSTR34102012_256A = 0x0709  # RFC 9367
    GOSTR34102012_256B = 0x070A  # RFC 9367
    GOSTR34102012_256C = 0x070B  # RFC 9367
    GOSTR34102012_256D = 0x070C  # RFC 9367
    GOSTR34102012_512A = 0x070D  # RFC 9367
    GOSTR34102012_512B = 0x070E  # RFC 9367
    GOSTR34102012_512C = 0x070F  # RFC 9367
    RSA_PSS_RSAE_SHA256 = 0x0804  # RFC 8446
    RSA_PSS_RSAE_SHA384 = 0x0805  # RFC 8446
    RSA_PSS_RSAE_SHA512 = 0x0806  # RFC 8446
    ED25519 = 0x0807  # RFC 8446, RFC 8422
    ED448 = 0x0808  # RFC 8446, RFC 8422
    RSA_PSS_PSS_SHA256 = 0x0809  # RFC 8446
    RSA_PSS_PSS_SHA384 = 0x080A  # RFC 8446
    RSA_PSS_PSS_SHA512 = 0x080B  # RFC 8446
    ECDSA_BRAINPOOLP256R1TLS13_SHA256 = 0x081A  # RFC 8734
    ECDSA_BRAINPOOLP384R1TLS13_SHA384 = 0x081B  # RFC 8734
    ECDSA_BRAINPOOLP512R1TLS13_SHA512 = 0x081C  # RFC 8734
    MLDSA44 = 0x0904  # draft-ietf-tls-mldsa
    MLDSA65 = 0x0905  # draft-ietf-tls-mldsa
    MLDSA87 = 0x0906  # draft-ietf-tls-mldsa
    SLHDSA_SHA2_128S = 0x0911  # draft-reddy-tls-slhdsa
    SLHDSA_SHA2_128F = 0x0912  # draft-reddy-tls-slhdsa
    SLHDSA_SHA2_192S = 0x0913  # draft-reddy-tls-slhdsa
    SLHDSA_SHA2_192F = 0x0914  # draft-reddy-tls-slhdsa
    SLHDSA_SHA2_256S = 0x0915  # draft-reddy-tls-slhdsa
    SLHDSA_SHA2_256F = 0x0916  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_128S = 0x0917  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_128F = 0x0918  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_192S = 0x0919  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_192F = 0x091A  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_256S = 0x091B  # draft-reddy-tls-slhdsa
    SLHDSA_SHAKE_256F = 0x091C  # draft-reddy-tls-slhdsa


def named_group(value: int) -> NamedGroup | int:
    """The member of `NamedGroup` with this value, or the value itself where there is none.

    Raises:
        ConfigurationError: if it is not an integer, or does not fit into 16 bits.
    """
    value = checked_codepoint(value, bits=16, what="a group")
    try:
        return NamedGroup(value)
    except ValueError:
        return value


def signature_scheme(value: int) -> SignatureScheme | int:
    """The member of `SignatureScheme` with this value, or the value itself where there is none.

    Raises:
        ConfigurationError: if it is not an integer, or does not fit into 16 bits.
    """
    value = checked_codepoint(value, bits=16, what="a signature scheme")
    try:
        return SignatureScheme(value)
    except ValueError:
        return value
