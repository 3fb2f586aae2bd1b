"""``python -m unitls.compat.ssl``: run a program whose ``import ssl`` gets the face."""

from __future__ import annotations

from ._run import main

if __name__ == "__main__":
    main()
