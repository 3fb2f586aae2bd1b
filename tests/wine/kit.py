"""The client's part of the conformance kit on SChannel, against this Python's own `ssl`, in one process. Runs under Wine.

Wine's SChannel is not Windows': what only Wine cannot do stands here, so that on Windows it is expected to work.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from unitls.backends import schannel
from unitls.testing import Expectation, _kit, run
from unitls.testing._ca import Issued
from unitls.testing._case import Case
from unitls.testing._catalogue import CASES
from unitls.testing._zoo_files import load_identities

_EXPECTED = tuple(
    Expectation(
        backend="schannel", role="client", case=case, failure="*", reason=reason, link="https://bugs.winehq.org/"
    )
    for case, reason in (
        ("protocol-as-bytes", "Wine takes names of protocols of up to 31 bytes; longer ones are refused"),
        ("alert-that-crosses-the-end", "Wine says of an alert that it decrypts what it says of any fault of the peer"),
        ("zoo-client-*", "the zoo's clients have keys on elliptic curves, and Wine takes RSA keys only"),
        ("one-identity-of-a-client", "the server's identity, which it shows too, has no RSA key"),
    )
)


def run_kit(client_chain: Path, client_key: Path, *names: str) -> bool:
    """Run the kit.

    Args:
        client_chain: the certificate of a client with an RSA key, in DER.
        client_key: its key in PEM.
        names: of cases; all of them if none is given.
    """
    issued = Issued((client_chain.read_bytes(),), client_key.read_bytes(), 0)
    identities = dataclasses.replace(load_identities(), client=issued)
    _kit.load_identities = lambda: identities  # type: ignore[attr-defined,assignment]  # the kit's own client has no RSA key
    chosen: dict[str, Case] | None = {name: CASES[name] for name in names} if names else None
    report = run(schannel.BACKEND, "openssl", cases=chosen, expectations=_EXPECTED)
    print(f"kit: {report}", flush=True)
    return report.ok
