"""Write the shipped certificates and keys of `unitls.testing` anew.

Run it after a case was added or changed: ``python tools/make_zoo.py``. It needs unitls and `cryptography` installed.
Every run makes new keys, so all files change; they belong together and are committed together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unitls.testing._ocsp_maker import make_responses
from unitls.testing._zoo_files import dump_identities, dump_key_zoo, dump_ocsp, dump_zoo
from unitls.testing._zoo_maker import make_identities, make_key_zoo, make_zoo

FOLDER = Path(__file__).resolve().parent.parent / "src" / "unitls" / "testing" / "zoo"


def main() -> None:
    """Make everything, then write it, so that a failure leaves the files as they were."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where to write (default: %(default)s)")
    folder: Path = parser.parse_args().folder
    identities = make_identities()
    texts = {
        "cases.json": dump_zoo(make_zoo()),
        "identities.json": dump_identities(identities),
        "keys.json": dump_key_zoo(make_key_zoo(identities)),
        "ocsp.json": dump_ocsp(make_responses(identities)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="ascii", newline="\n")
        print(f"{folder / name}: {len(text)} characters")


if __name__ == "__main__":
    main()
