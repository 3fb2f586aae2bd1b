"""``unitls interop``: every client with every server, over the loopback interface."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from ..api._backend import Backend
from ..api._configuration import TLSClientConfiguration, TLSServerConfiguration
from ..api._features import Feature
from ..api._protocols import ClientAuthentication, NextProtocol
from ..api._sessions import SessionCache
from ..api._versions import TLSVersion
from ..api._wrapped import TLSWrappedSocket
from ..testing._expectations import expected, load_expectations
from ._authority import Cast, assemble, identity
from ._command import FAILED, OK, Command, CommandError, choose_backends, comma_separated
from ._loopback import Loopback, Payload, tls_server
from ._output import Content, Output, Styled

_PAYLOAD: Final = Payload(256 << 10)
_VERSIONS: Final = {"1.2": TLSVersion.TLSv1_2, "1.3": TLSVersion.TLSv1_3}
_KIT: Final = {"resumption": "sessions-are-resumed"}
"""Which case of the conformance kit a check is like: what is expected to fail there is not held against a pair here."""
_CHECKS: Final = ("data", "ALPN", "client certificate", "resumption")


@dataclass(frozen=True, slots=True)
class Pair:
    """Who talks to whom.

    Attributes:
        client: the client's backend.
        server: the server's backend.
        version: the one version of TLS that both allow.
    """

    client: Backend
    server: Backend
    version: TLSVersion

    def support(self, feature: Feature) -> bool:
        """Whether both have `feature`."""
        return self.client.capabilities.supports(feature) and self.server.capabilities.supports(feature)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of a pair.

    Attributes:
        pair: who talked to whom.
        outcomes: for each check ``"ok"``, ``"not supported"``, or what went wrong.
        seconds: how long all of it took.
    """

    pair: Pair
    outcomes: dict[str, str]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong."""
        return all(outcome in ("ok", "not supported") for outcome in self.outcomes.values())


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``interop``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--backends", metavar="NAMES", type=comma_separated, help="these only, such as openssl,gnutls")
    which.add_argument("--all", action="store_true", help="also those that are used only when they are named (GPL)")
    parser.add_argument(
        "--versions", metavar="LIST", type=_versions, default=list(_VERSIONS.values()), help="versions of TLS (1.2,1.3)"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(args: argparse.Namespace, output: Output) -> int:
    """Try every pair.

    Returns:
        `OK` if each worked, else `FAILED`.
    """
    pairs = list(_pairs(choose_backends(args.backends, every=args.all), args.versions))
    cast = assemble()
    reports = []
    for number, pair in enumerate(pairs, 1):
        output.progress(f"{number}/{len(pairs)}  {pair.client.name} -> {pair.server.name}  {pair.version.name}")
        reports.append(_try(pair, cast))
    output.progress()
    passed = bool(reports) and all(report.passed for report in reports)
    if args.json:
        output.json({"passed": passed, "results": [_as_json(report) for report in reports]})
    else:
        _show(reports, output)
    return OK if passed else FAILED


def _versions(text: str) -> list[TLSVersion]:
    try:
        return [_VERSIONS[item] for item in comma_separated(text)]
    except KeyError:
        raise argparse.ArgumentTypeError(f"{text!r} is none of 1.2, 1.3, and 1.2,1.3") from None


def _pairs(backends: list[Backend], versions: list[TLSVersion]) -> Iterator[Pair]:
    """Each client with each server, in each version that both have."""
    for client in backends:
        for server in backends:
            if client.capabilities.supports(Feature.CLIENT) and server.capabilities.supports(Feature.SERVER):
                common = set(client.capabilities.versions) & set(server.capabilities.versions)
                yield from (Pair(client, server, version) for version in versions if version in common)


def _try(pair: Pair, cast: Cast) -> Report:
    begun = time.monotonic()
    outcomes = {
        "data": _attempt(pair, cast),
        "ALPN": _attempt(pair, cast, alpn=True) if pair.support(Feature.ALPN) else "not supported",
        "client certificate": "not supported",
        "resumption": "not supported",
    }
    if pair.support(Feature.CLIENT_CERTIFICATES):
        outcomes["client certificate"] = _attempt(pair, cast, client_certificate=True)
    if pair.support(Feature.SESSION_RESUMPTION) and pair.support(Feature.RESUMPTION_INFORMATION):
        outcomes["resumption"] = _attempt(pair, cast, resumption=True)
    outcomes = {check: _forgiven(pair, check, outcome) for check, outcome in outcomes.items()}
    return Report(pair, outcomes, time.monotonic() - begun)


def _forgiven(pair: Pair, check: str, outcome: str) -> str:
    """The outcome, unless it is the very failure that the expectations tell of these two libraries."""
    if outcome in ("ok", "not supported") or check not in _KIT:
        return outcome
    variant = f"{pair.version.name}-sockets"
    known = expected(load_expectations(), pair.client.name, pair.server.name, _KIT[check], variant)
    return "not supported" if known is not None and known.foresees(outcome) else outcome


def _attempt(
    pair: Pair, cast: Cast, *, alpn: bool = False, client_certificate: bool = False, resumption: bool = False
) -> str:
    """Connect, twice if it is to be resumed, and send data both ways."""
    protocols = (NextProtocol.H2, NextProtocol.HTTP1) if alpn else ()
    bounds: dict[str, Any] = {"lower_bound": pair.version, "upper_bound": pair.version}
    server = pair.server.server_context(
        TLSServerConfiguration(
            identities=(identity(cast.server),),
            inner_protocols=protocols[:1],
            client_authentication=ClientAuthentication.REQUIRED if client_certificate else ClientAuthentication.NONE,
            trust_store=cast.trust_store if client_certificate else None,
            **bounds,
        )
    )
    client = pair.client.client_context(
        TLSClientConfiguration(
            identities=(identity(cast.client),) if client_certificate else (),
            inner_protocols=protocols[::-1],
            trust_store=cast.trust_store,
            session_cache=SessionCache() if resumption else None,
            **bounds,
        )
    )
    leaf = cast.client.chain[0] if client_certificate else None
    due = [_Expected(pair.version, protocols[0] if protocols else None, leaf)]
    if resumption:
        due.append(replace(due[0], resumed=True))
    with Loopback() as loopback:
        for each in due:
            done = loopback.exchange(tls_server(server, each.serve), client, cast.hostname, each.use)
            if done.error is not None:
                return str(done.error) or type(done.error).__name__
    return "ok"


@dataclass(frozen=True, slots=True)
class _Expected:
    """What both ends have to see.

    Attributes:
        version: the version of TLS.
        protocol: the application protocol.
        client_certificate: what the server must get from the client, in DER.
        resumed: whether the session must be a resumed one.
    """

    version: TLSVersion
    protocol: NextProtocol | None
    client_certificate: bytes | None
    resumed: bool = False

    def use(self, wrapped: TLSWrappedSocket) -> None:
        """The client's part."""
        self._check(wrapped)
        _PAYLOAD.send_and_check(wrapped, first=True)

    def serve(self, wrapped: TLSWrappedSocket) -> None:
        """The server's part."""
        self._check(wrapped)
        if wrapped.getpeercert() != self.client_certificate:
            raise CommandError("the server does not see the client's certificate")
        _PAYLOAD.send_and_check(wrapped, first=False)

    def _check(self, wrapped: TLSWrappedSocket) -> None:
        side = "server" if wrapped.server_side else "client"
        if wrapped.negotiated_tls_version is not self.version:
            raise CommandError(f"the {side} negotiated {wrapped.negotiated_tls_version}")
        if wrapped.negotiated_protocol() is not self.protocol:
            raise CommandError(f"the {side} negotiated the protocol {wrapped.negotiated_protocol()!r}")
        if self.resumed and not wrapped.session_resumed:
            raise CommandError(f"the {side} did not resume the session")


def _show(reports: list[Report], output: Output) -> None:
    headers = ["client", "server", "version", *_CHECKS, "time"]
    output.table(headers, [_row(report) for report in reports])
    failed = [report for report in reports if not report.passed]
    for report in failed:
        for check, outcome in report.outcomes.items():
            if outcome not in ("ok", "not supported"):
                output.line(Styled(f"{_title(report)}, {check}: ", "strong"), outcome)
    verdict = f"{len(reports) - len(failed)} of {len(reports)} combinations work"
    output.line(Styled(verdict, "bad" if failed or not reports else "good"))


def _title(report: Report) -> str:
    return f"{report.pair.client.name} -> {report.pair.server.name} {report.pair.version.name}"


def _row(report: Report) -> list[Content]:
    pair = report.pair
    version = pair.version.name.removeprefix("TLSv").replace("_", ".")
    marks = [_mark(report.outcomes[check]) for check in _CHECKS]
    return [pair.client.name, pair.server.name, version, *marks, f"{report.seconds * 1000:.0f} ms"]


def _mark(outcome: str) -> Content:
    if outcome == "ok":
        return Styled("ok", "good")
    return Styled("-", "dim") if outcome == "not supported" else Styled("FAILED", "bad")


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "client": report.pair.client.name,
        "server": report.pair.server.name,
        "version": report.pair.version.name,
        "passed": report.passed,
        "checks": report.outcomes,
        "seconds": round(report.seconds, 6),
    }


COMMAND = Command(
    name="interop",
    summary="try every client with every server that can be used here",
    description=(
        "Connect every available client with every available server over the loopback interface, in TLS 1.2 and 1.3:\n"
        "data both ways, application protocols, client certificates and resumption, where both have them."
    ),
    examples="unitls interop\nunitls interop --backends openssl --versions 1.3\nunitls interop --json",
    add_arguments=add_arguments,
    run=run,
)
