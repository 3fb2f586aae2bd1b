"""How the results of a probe are printed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ..core._der import DERError
from ._certificate_text import CertificateText, describe
from ._output import Content, Output, Styled
from ._probe_run import Negotiated, Question, Result


def show_one(question: Question, result: Result, output: Output) -> None:
    """Print the result with one backend."""
    negotiated = result.negotiated
    output.line(Styled(str(question.target), "strong"), "" if negotiated is None else f"  ({negotiated.address})")
    output.fields([("backend", f"{result.backend} ({result.library_version})"), *_verdict(result)])
    if negotiated is None:
        return
    if result.verification == "refused":
        output.line()
        output.line(Styled("Seen on a second connection, without verification; none of it can be relied on:", "warn"))
    output.fields(_facts(negotiated))
    _show_chain(negotiated, output)


def show_several(question: Question, results: list[Result], output: Output) -> None:
    """Print the results of several backends: a table, the reasons of failures, and the certificates once."""
    output.line(Styled(str(question.target), "strong"))
    headers = ["backend", "version", "cipher suite", "ALPN", "verification"]
    output.table(headers, [_row(result) for result in results])
    for result in results:
        if result.reason:
            output.line(Styled(f"{result.backend}: ", "strong"), result.reason)
    seen = [result for result in results if result.negotiated is not None]
    if seen and seen[0].negotiated is not None:
        output.line(f"certificates as {seen[0].backend} received them:")
        _show_chain(seen[0].negotiated, output)


def as_json(question: Question, results: list[Result]) -> dict[str, Any]:
    """The results as values of JSON."""
    return {
        "target": str(question.target),
        "server_name": question.server_name,
        "starttls": question.starttls,
        "accepted": all(result.accepted for result in results),
        "results": [_result_as_json(result) for result in results],
    }


def _verdict(result: Result) -> Iterator[tuple[str, Content]]:
    if result.verification is None:
        yield "failed", Styled(result.reason, "bad")
    elif result.verification == "refused":
        yield "verification", Styled(f"REFUSED: {result.failure}", "bad")
        yield "reason", result.reason
    else:
        yield "verification", Styled(result.verification, "good" if result.verification == "accepted" else "warn")
    if result.verifier is not None:
        yield "verified by", result.verifier


def _facts(negotiated: Negotiated) -> Iterator[tuple[str, Content]]:
    yield "version", f"TLS {negotiated.version}"
    yield "cipher suite", negotiated.cipher
    if negotiated.group is not None:
        yield "group", negotiated.group
    yield "ALPN", negotiated.protocol or "none"
    yield "server name", negotiated.server_name or "none sent (an IP address)"
    if negotiated.resumed is not None:
        yield "session", "resumed" if negotiated.resumed else "new, not resumed"
    yield "handshake", f"{negotiated.seconds * 1000:.0f} ms"


def _show_chain(negotiated: Negotiated, output: Output) -> None:
    for position, der in enumerate(negotiated.chain):
        output.line(Styled(f"  certificate {position}", "strong"))
        output.fields(_certificate_facts(der), indent=4)
    if negotiated.anchor is not None:
        output.fields([("trusted through", _subject(negotiated.anchor))])


def _certificate_facts(der: bytes) -> list[tuple[str, Content]]:
    try:
        text = describe(der)
    except DERError as error:
        return [("unreadable", Styled(str(error), "bad"))]
    facts: list[tuple[str, Content]] = [("subject", text.subject or "(empty)"), ("issuer", text.issuer or "(empty)")]
    facts.append(("valid", _validity(text)))
    if text.names:
        facts.append(("names", ", ".join(text.names)))
    return facts


def _validity(text: CertificateText) -> Content:
    span = f"{text.not_before:%Y-%m-%d} to {text.not_after:%Y-%m-%d}"
    now = datetime.now(UTC)
    if now > text.not_after:
        return Styled(f"{span} (expired {(now - text.not_after).days} days ago)", "bad")
    if now < text.not_before:
        return Styled(f"{span} (not yet valid)", "bad")
    left = (text.not_after - now).days
    return Styled(f"{span} ({left} days left)", "warn") if left < 14 else f"{span} ({left} days left)"


def _subject(der: bytes) -> str:
    try:
        return describe(der).subject
    except DERError:
        return "(unreadable)"


def _row(result: Result) -> list[Content]:
    negotiated = result.negotiated
    verdict = f"REFUSED: {result.failure}" if result.failure else result.verification or "failed"
    verification = Styled(verdict, "good" if result.accepted else "bad")
    if negotiated is None:
        return [result.backend, "-", "-", "-", verification]
    return [result.backend, negotiated.version, negotiated.cipher, negotiated.protocol or "none", verification]


def _result_as_json(result: Result) -> dict[str, Any]:
    negotiated = result.negotiated
    entry: dict[str, Any] = {
        "backend": result.backend,
        "library_version": result.library_version,
        "accepted": result.accepted,
        "verification": result.verification,
        "verifier": result.verifier,
        "failure": result.failure,
        "reason": result.reason or None,
        "negotiated": None,
    }
    if negotiated is not None:
        entry["negotiated"] = {
            "address": negotiated.address,
            "version": negotiated.version,
            "cipher_suite": negotiated.cipher,
            "group": negotiated.group,
            "application_protocol": negotiated.protocol,
            "server_name": negotiated.server_name,
            "session_resumed": negotiated.resumed,
            "handshake_seconds": round(negotiated.seconds, 6),
            "verified": result.verification == "accepted",
            "trusted_through": None if negotiated.anchor is None else _subject(negotiated.anchor),
            "chain": [_certificate_as_json(der) for der in negotiated.chain],
        }
    return entry


def _certificate_as_json(der: bytes) -> dict[str, Any]:
    try:
        return describe(der).as_json()
    except DERError as error:
        return {"error": str(error)}
