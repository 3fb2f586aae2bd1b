"""Everything that is run under Wine, in one process: ``main.py FOLDER [PORT...]``. The exit status says how it went.

FOLDER holds a client's identity with an RSA key, each PORT is an echo server of a Linux peer's on the loopback.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parents[2] / "src")]


def main(folder: str, *ports: str) -> int:
    """Run everything."""
    import checks
    import kit
    import peers_client

    chain, key = Path(folder, "client.der"), Path(folder, "client.pem")
    results = [kit.run_kit(chain, key), checks.run_checks(chain, key)]
    results += [peers_client.talk_to(int(port), chain, key) for port in ports]
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
