"""PKCS#11 URIs (RFC 7512), as far as all backends need to know them."""

from __future__ import annotations

import re
from typing import Final

_PIN: Final = re.compile(r"(?<=pin-value=)[^&;]*")


def without_pin(uri: str) -> str:
    """A URI as it may be shown: in messages, in logs and in ``repr``."""
    return _PIN.sub("***", uri)
