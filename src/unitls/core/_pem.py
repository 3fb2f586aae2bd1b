"""Certificates and revocation lists from what users hand over: PEM or DER (RFC 7468).

Everything that is wrong with it is said here, in a sentence with a way out, because no TLS library does: they say
"no start line" at best. PEM is read generously where nothing can be misunderstood (text around the blocks, CR LF,
indentation) and strictly where something can (a block without its end, a character that is not base64).
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..api._errors import ConfigurationError
from ._der import (
    GENERALIZED_TIME,
    INTEGER,
    SEQUENCE,
    UTC_TIME,
    Buffer,
    DERError,
    enter_whole,
)
from ._x509 import parse_certificate

_BEGIN: Final = re.compile(rb"-----BEGIN ([ -,.-~]+)-----")  # a label is visible ASCII and blanks, without '-'
_CERTIFICATE_LABELS: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_CRL_LABELS: Final = frozenset({"X509 CRL"})
_ADVICE: Final = {
    "TRUSTED CERTIFICATE": (
        "it is in OpenSSL's own format, whose trust settings would be lost; 'openssl x509 -in FILE' converts it"
    ),
    "PKCS7": "take the certificates out of it with 'openssl pkcs7 -print_certs -in FILE'",
    "CERTIFICATE REQUEST": "a request is what an authority makes a certificate from; the certificate is its answer",
}


@dataclass(frozen=True, slots=True, repr=False)
class PEMBlock:
    """One block of a PEM file. Its repr shows the label only: the rest may be a key.

    Attributes:
        label: what stands behind BEGIN.
        headers: the header lines of RFC 1421 (``Proc-Type``, ``DEK-Info``), by name.
        base64: the text between headers and END, not decoded yet.
    """

    label: str
    headers: dict[str, str]
    base64: bytes

    def __repr__(self) -> str:
        return f"<PEMBlock {self.label}>"

    def decoded(self) -> bytes:
        """The bytes of the block.

        Raises:
            ConfigurationError: it is empty, or not base64.
        """
        try:
            der = binascii.a2b_base64(b"".join(self.base64.split()), strict_mode=True)
        except binascii.Error as error:
            raise ConfigurationError(
                f"the PEM block {self.label!r} is damaged: between its BEGIN and END lines stands something that is "
                "not base64; copy the file again"
            ) from error
        if not der:
            raise ConfigurationError(f"the PEM block {self.label!r} is empty; copy the file again")
        return der


def certificates_from(buffer: Buffer) -> tuple[bytes, ...]:
    """Read all certificates from PEM, or the one from DER.

    Blocks of another kind in between (a key in the same file, parameters) are passed over. ``X509 CERTIFICATE``, an
    old name, is read as ``CERTIFICATE``; ``TRUSTED CERTIFICATE`` is refused, because its trust settings would be lost.

    Args:
        buffer: the content of the file.

    Returns:
        At least one certificate in DER, in the order of the file.

    Raises:
        ConfigurationError: there is none, or one of them is damaged.
    """
    return _structures(buffer, _CERTIFICATE_LABELS, "certificate", parse_certificate)


def one_certificate_from(buffer: Buffer) -> bytes:
    """Read exactly one certificate from PEM or DER.

    Args:
        buffer: the content of the file.

    Returns:
        The certificate in DER.

    Raises:
        ConfigurationError: as `certificates_from`, and if there are several.
    """
    found = certificates_from(buffer)
    if len(found) > 1:
        raise ConfigurationError(
            f"one certificate was expected, but there are {len(found)}; unitls.load_chain reads a file of several"
        )
    return found[0]


def crls_from(buffer: Buffer) -> tuple[bytes, ...]:
    """Read all certificate revocation lists from PEM, or the one from DER.

    Args:
        buffer: the content of the file.

    Returns:
        At least one list in DER, in the order of the file.

    Raises:
        ConfigurationError: there is none, or one of them is damaged.
    """
    return _structures(buffer, _CRL_LABELS, "certificate revocation list", _check_crl)


def to_pem(der: bytes, label: str) -> bytes:
    """One PEM block, with lines of 64 characters (RFC 7468 section 2)."""
    text = binascii.b2a_base64(der, newline=False)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    name = label.encode("ascii")
    return b"\n".join((b"-----BEGIN " + name + b"-----", *lines, b"-----END " + name + b"-----", b""))


def buffer_bytes(buffer: Buffer, what: str) -> bytes:
    """The content of a buffer that a user handed over.

    Args:
        buffer: what should be bytes.
        what: what it should hold, for the message ("certificate").

    Returns:
        Its bytes, at least one.

    Raises:
        ConfigurationError: it is a string or another type, empty, or text in UTF-16.
    """
    if isinstance(buffer, str):
        raise ConfigurationError(
            f"the {what} is given as str, but bytes are needed: read the file in mode 'rb', use from_file for a path, "
            "or encode the text"
        )
    if not isinstance(buffer, (bytes, bytearray, memoryview)):
        raise ConfigurationError(f"the {what} has to be bytes, not {type(buffer).__name__}")
    data = bytes(buffer)
    if not data.strip():
        raise ConfigurationError(f"the {what} is empty: there is nothing in the buffer; is it the right file?")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ConfigurationError(f"the {what} is a text file in UTF-16; PEM is ASCII: save the file as ASCII or UTF-8")
    return data


def is_pem(data: bytes, what: str) -> bool:
    """Tell PEM from DER.

    Args:
        data: the content of the file.
        what: what it should hold, for the message.

    Returns:
        True for PEM; False for one SEQUENCE of DER with nothing behind it.

    Raises:
        ConfigurationError: it is neither.
    """
    try:
        enter_whole(data, SEQUENCE)
    except DERError as error:
        if b"-----BEGIN" in data:
            return True
        if b"-----END" in data:
            raise ConfigurationError(f"the PEM of the {what} has no BEGIN line; copy the whole file") from error
        if data[0] == SEQUENCE:
            raise ConfigurationError(
                f"the DER of the {what} is damaged, cut off, or has something behind it ({error}); copy the file again"
            ) from error
        raise ConfigurationError(f"the {what} is neither PEM nor DER; is it the right file?") from error
    return False


def pem_blocks(data: bytes) -> list[PEMBlock]:
    """All blocks of a PEM file, in order; text around them is passed over.

    Raises:
        ConfigurationError: a block has no BEGIN line that can be read, or not its own END line.
    """
    blocks: list[PEMBlock] = []
    position = 0
    while (begin := _BEGIN.search(data, position)) is not None:
        _check_gap(data[position : begin.start()])
        body, position = _body(data, begin)
        blocks.append(_block(begin[1].decode("ascii"), body))
    _check_gap(data[position:])
    return blocks


def _check_gap(text: bytes) -> None:
    # Text around the blocks is anybody's, but half a block in it would be a certificate lost without a word.
    if b"-----BEGIN" in text or b"-----END" in text:
        raise ConfigurationError(
            "the PEM is damaged: a BEGIN or END line is incomplete or stands alone; copy the file again"
        )


def _body(data: bytes, begin: re.Match[bytes]) -> tuple[bytes, int]:
    """What stands between a BEGIN line and its END line, and where to go on."""
    label = begin[1].decode("ascii")
    end = data.find(b"-----", begin.end())
    closing = b"-----END " + begin[1] + b"-----"
    if end < 0 or not data.startswith(closing, end):
        raise ConfigurationError(
            f"the PEM block {label!r} is not closed by '-----END {label}-----'; the file is cut off or damaged"
        )
    return data[begin.end() : end], end + len(closing)


def _block(label: str, body: bytes) -> PEMBlock:
    """Part the header lines from the base64, which has no colon (RFC 1421 section 4.4)."""
    headers: dict[str, str] = {}
    lines = body.strip().splitlines()
    count = 0
    while count < len(lines) and b":" in lines[count]:
        name, _, value = lines[count].decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        count += 1
    return PEMBlock(label, headers, b"\n".join(lines[count:]))


def _structures(
    buffer: Buffer, labels: frozenset[str], what: str, check: Callable[[bytes], object]
) -> tuple[bytes, ...]:
    data = buffer_bytes(buffer, what)
    found = _labelled(pem_blocks(data), labels, what) if is_pem(data, what) else [data]
    for number, der in enumerate(found, 1):
        try:
            check(der)
        except DERError as error:
            which = f"{what} {number} of {len(found)}" if len(found) > 1 else what
            raise ConfigurationError(
                f"the {which} is damaged, or something else than a {what} ({error}); is it the right file?"
            ) from error
    return tuple(found)


def _labelled(blocks: list[PEMBlock], labels: frozenset[str], what: str) -> list[bytes]:
    others = [block.label for block in blocks if block.label not in labels]
    if "TRUSTED CERTIFICATE" in others and "CERTIFICATE" in labels:
        raise ConfigurationError(f"the PEM holds a 'TRUSTED CERTIFICATE': {_ADVICE['TRUSTED CERTIFICATE']}")
    found = [block.decoded() for block in blocks if block.label in labels]
    if not found:
        held = ", ".join(repr(label) for label in dict.fromkeys(others))
        advice = next((f": {_ADVICE[label]}" for label in others if label in _ADVICE), "; is it the right file?")
        raise ConfigurationError(f"the PEM holds {held}, but no {what}{advice}")
    return found


def _check_crl(der: bytes) -> None:
    """The frame of a CertificateList, as far as it takes to tell it from a certificate (RFC 5280 section 5.1)."""
    outer = enter_whole(der, SEQUENCE)
    tbs = outer.enter(SEQUENCE)
    outer.skip(SEQUENCE)
    outer.bit_string()
    outer.finish()
    tbs.skip_optional(INTEGER)
    tbs.skip(SEQUENCE)  # the signature algorithm
    tbs.skip(SEQUENCE)  # the issuer
    if tbs.peek() not in (UTC_TIME, GENERALIZED_TIME):
        raise DERError("there is no thisUpdate")
    while tbs.peek() >= 0:
        tbs.any_element()
