"""The server's part of the conformance kit on SChannel, with this Python's own `ssl` as the client. Runs under Wine 10.

``server.py FOLDER``: FOLDER holds identities with RSA keys, since Wine takes no others.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "src")]

_NO_CURVES = "Wine takes RSA keys only, and sends a leaf without its intermediates"
_NO_QUESTION = "Wine's server does not ask for a certificate, so asking is refused"
_NO_RESUMPTION = "Wine's server never resumes"
_NO_PACKAGE = "an encrypted key is decrypted by the package cryptography, which is not there"
_CLIENT = "it is about this Python's OpenSSL 3.0 as the client, or about its system"
LEFT_OUT = {
    "protocol-as-bytes": "Wine takes names of protocols of up to 31 bytes; longer ones are refused",
    "zoo-good*": _NO_CURVES,
    "suites-*": _NO_CURVES,
    "certificate-by-key": _NO_CURVES,
    "certificates-that-are-none": _NO_CURVES,
    "chain-in-the-wrong-order": _NO_CURVES,
    "peer-chain": _NO_CURVES,
    "verified-chain": _NO_CURVES,
    "verification-depth": _NO_CURVES,
    "trust-in-an-intermediate-or-a-leaf": _NO_CURVES,
    "passphrase-that-is-not-needed": _NO_CURVES,
    "zoo-client-*": _NO_QUESTION,
    "switch-of-client-authentication": _NO_QUESTION,
    "required-*": _NO_QUESTION,
    "optional-*": _NO_QUESTION,
    "two-names-of-one-switch": _NO_QUESTION,
    "not-sent-to-a-stranger": _NO_QUESTION,
    "without-a-trust-store": _NO_QUESTION,
    "sessions-*": _NO_RESUMPTION,
    "resumption-*": _NO_RESUMPTION,
    "keys-in-every-form": _NO_PACKAGE,
    "passphrase-that-is-*": _NO_PACKAGE,
    "keys-from-memory-touch-no-disk": _NO_PACKAGE,
    "alerts-of-the-peer": _CLIENT,
    "protocol-required-by-the-server": _CLIENT,
    "trust-in-the-system*": _CLIENT,
    "zoo-expired-unknown-issuer": _CLIENT,
    "zoo-wrong-name-wrong-purpose": _CLIENT,
}
"""What cannot be seen here, and why; patterns of names of cases. Everything else has to pass."""


def main(folder: str) -> int:
    """Run the kit."""
    from unitls.backends import schannel
    from unitls.testing import CASES, Result, _kit, run
    from unitls.testing._ca import Issued
    from unitls.testing._zoo_files import load_identities

    def issued(name: str) -> Issued:
        path = Path(folder, name)
        return Issued((path.with_suffix(".der").read_bytes(),), path.with_suffix(".pem").read_bytes(), 0)

    identities = dataclasses.replace(load_identities(), server=issued("server"), second_server=issued("other"))
    _kit.load_identities = lambda: identities  # type: ignore[attr-defined,assignment]
    chosen = {
        name: case for name, case in CASES.items() if not any(fnmatch.fnmatchcase(name, item) for item in LEFT_OUT)
    }
    chosen["zoo-good-rsa"] = CASES["zoo-good-rsa"]
    report = run("openssl", schannel.BACKEND, cases=chosen, expectations=())
    print(f"kit on {schannel.BACKEND.library_version}, the server's part: {report}", flush=True)
    return 0 if report.ok and report.count(Result.PASSED) > 200 else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
