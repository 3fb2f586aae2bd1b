"""Tells the abstract classes where their neutral values are, without importing them yet."""

from __future__ import annotations

import importlib

from ..api._certificates import _Neutral


def _load() -> None:
    importlib.import_module("._values", __package__)


_Neutral._load = staticmethod(_load)
