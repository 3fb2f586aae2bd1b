"""The key log (the format of SSLKEYLOGFILE), from the secrets of TLS 1.3 that NSS tells."""

from __future__ import annotations

from typing import Final

from ...core._key_log import append_to_key_log

_LABELS: Final = {
    (False, 1): "CLIENT_EARLY_TRAFFIC_SECRET",
    (False, 2): "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    (True, 2): "SERVER_HANDSHAKE_TRAFFIC_SECRET",
    (False, 3): "CLIENT_TRAFFIC_SECRET_0",
    (True, 3): "SERVER_TRAFFIC_SECRET_0",
}
"""By whether the server uses them, and by epoch; those behind a key update follow from the last ones."""
_RANDOM: Final = slice(11, 43)
"""Behind the header of the record (5 bytes), the header of the message (4) and the version (2)."""


class SecretLog:
    """The secrets of one connection, on their way to the file.

    Args:
        path: the file.

    Attributes:
        random: what the lines are found by; `None` until the ClientHello is known.
    """

    __slots__ = ("_lines", "_path", "random")

    def __init__(self, path: str) -> None:
        self._path = path
        self._lines: list[str] = []
        self.random: bytes | None = None

    def read_random(self, flight: bytes) -> None:
        """Find the random value in the first bytes that a client sends."""
        if len(flight) >= _RANDOM.stop:
            self.random = flight[_RANDOM]

    def add(self, is_server: bool, epoch: int, secret: bytes) -> None:
        """Take a secret, if the log has a name for it.

        Args:
            is_server: whether it protects what the server sends.
            epoch: how many times the keys have changed.
            secret: the secret.
        """
        label = _LABELS.get((is_server, epoch))
        if label is not None:
            self._lines.append(f"{label} {{}} {secret.hex()}\n")

    def flush(self) -> None:
        """Write what there is."""
        if self._lines and self.random is not None:
            text = "".join(self._lines).format(*[self.random.hex()] * len(self._lines))
            self._lines.clear()
            append_to_key_log(self._path, text.encode("ascii"))

    def __repr__(self) -> str:
        return f"<SecretLog {self._path}>"
