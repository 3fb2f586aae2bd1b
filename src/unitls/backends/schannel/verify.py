"""The verdict on a peer's certificate, which is that of `unitls.platforms.windows`."""

from __future__ import annotations

from ...platforms.windows._verdict import judge as judge
