"""Cases made of the zoo: each certificate gets the verdict that it deserves, whoever asks."""

from __future__ import annotations

import functools
from typing import Any

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._context import ServerContext
from ..api._errors import CertificateVerificationError, ConfigurationError, TLSError, VerifyFailure
from ..api._features import Feature
from ..api._protocols import ClientAuthentication
from ..api._trust import TrustStore
from ..core._pem import crls_from
from ._case import QUICK, Case, declare
from ._expect import NotApplicable, equal, instance, require
from ._kit import Drive, Kit
from ._pair import Pair
from ._zoo import ZooCase
from ._zoo_files import load_zoo


def _identity(zoo: ZooCase) -> Identity:
    return Identity([Certificate.from_buffer(der) for der in zoo.server_chain], PrivateKey.from_buffer(zoo.key_pem))


def _verifying(zoo: ZooCase) -> dict[str, Any]:
    """What the side that verifies is configured with."""
    crls = crls_from(zoo.crls_pem) if zoo.crls_pem is not None else ()
    return {"trust_store": TrustStore.from_buffer(zoo.trust_pem), "crls": crls}


def run_server_case(zoo: ZooCase, kit: Kit) -> None:
    """Show a server's certificate to a client."""
    client = kit.client(**_verifying(zoo))
    try:
        server = kit.server(identities=(_identity(zoo),))
    except ConfigurationError as error:
        require(zoo.failures, f"the server does not take a good certificate: {error!r}")
        pair = _permissive_pair(kit, zoo, client, error)
    else:
        pair = kit.pair(client, server, hostname=zoo.server_hostname)
    at_client, at_server = pair.attempt()
    _check_verdict(zoo, at_client, "the client's error")
    if zoo.failures:
        require(at_server is not None, "the server has to learn that the client has gone")
    else:
        equal(pair.client.tls.getpeercert(), zoo.server_chain[0], "getpeercert()")
        pair.echo()


def _permissive_pair(kit: Kit, zoo: ZooCase, client: Any, refusal: ConfigurationError) -> Pair:
    """The server's library refuses to show it; a server of the `ssl` module that takes anything does."""
    if kit.drive is Drive.SOCKETS:
        raise NotApplicable(f"the server refuses to show this certificate ({refusal}); it is checked over buffers")
    try:
        from ._permissive import PermissiveServer
    except ImportError:
        raise NotApplicable(
            f"the server refuses to show this certificate ({refusal}), and there is no ssl module"
        ) from None
    shown = PermissiveServer(zoo.server_chain, zoo.key_pem, kit.version)
    return kit.custom_pair(
        lambda *buffers: client.wrap_buffers(*buffers, server_hostname=zoo.server_hostname),
        shown.wrap,
        drive=Drive.WHOLE,
    )


def run_client_case(zoo: ZooCase, kit: Kit) -> None:
    """Show a client's certificate to a server that asks for one, and to one that needs one."""
    server: ServerContext = kit.server(client_authentication=ClientAuthentication.REQUIRED, **_verifying(zoo))
    optional = kit.server(client_authentication=ClientAuthentication.OPTIONAL, **_verifying(zoo))
    client = kit.client(identities=(_identity(zoo),))
    for context in (server, optional):
        pair = kit.pair(client, context)
        at_client, at_server = pair.attempt()
        _check_verdict(zoo, at_server, "the server's error")
        if zoo.failures:
            instance(at_client, TLSError, "the client's error")
        else:
            equal(pair.server.tls.getpeercert(), zoo.server_chain[0], "getpeercert()")
            pair.echo()


def _check_verdict(zoo: ZooCase, found: Exception | None, whose: str) -> None:
    if not zoo.failures:
        require(found is None, f"{zoo.note}: refused with {found!r}")
        return
    error = instance(found, CertificateVerificationError, f"{zoo.note}: {whose}")
    # Of several faults the first in the order of VerifyFailure counts; otherwise there may be several right answers.
    due = zoo.failures[:1] if zoo.combined else zoo.failures
    require(error.failure.name in due, f"{zoo.note}: refused as {error.failure.name} ({error}), due {' or '.join(due)}")


def _rules(zoo: ZooCase) -> tuple[str, ...]:
    if not zoo.failures:
        return ("zoo-good",)
    rule = "verify-" + VerifyFailure[zoo.failures[0]].name.lower().replace("_", "-")
    rules = ["verify-first-fault"] if zoo.combined else [rule]
    if "wildcard" in zoo.name:
        rules.append("wildcard")
    if zoo.name.startswith("common_name"):
        rules.append("common-name-ignored")
    if zoo.role == "client":
        rules.append("client-auth-verified")
    return (*rules, "zoo-bad")


def declare_zoo() -> None:
    """Declare a case for each certificate of the zoo."""
    for zoo in load_zoo():
        crls = [Feature.CRLS] if zoo.crls_pem is not None else []
        is_client = zoo.role == "client"
        both = [Feature.CLIENT_CERTIFICATES] if is_client else []
        client = [Feature.CLIENT, Feature.CUSTOM_TRUST_STORE, *both, *([] if is_client else crls)]
        server = [Feature.SERVER, *both, *([Feature.CUSTOM_TRUST_STORE, *crls] if is_client else [])]
        declare(
            Case(
                name="zoo-" + zoo.name.replace("_", "-"),
                rules=_rules(zoo),
                run=functools.partial(run_client_case if is_client else run_server_case, zoo),
                about=f"{zoo.role}: {zoo.note}",
                drives=QUICK,
                client_needs=frozenset(client),
                server_needs=frozenset(server),
            )
        )


declare_zoo()
