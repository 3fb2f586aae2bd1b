"""The edge of the `ssl` module: the few private names that are used, and files that exist in memory only."""

from __future__ import annotations

import contextlib
import errno
import os
import ssl
import tempfile
from collections.abc import Iterator
from typing import Any, Final

new_connection: Final[Any] = ssl.SSLContext._wrap_bio  # type: ignore[attr-defined]
"""Makes the C object that `ssl.SSLObject` wraps (SSL_new with two memory BIOs).

Its methods are those of the public object without frames of Python in between, and it tells the chains also on versions
of Python (before 3.13) whose public object does not.
"""


_NONE_HERE: Final = (errno.ENOSYS, errno.EPERM, errno.EACCES)
"""How a sandbox, or a kernel with ``vm.memfd_noexec = 2``, refuses memory files."""


def unverified_chain(raw: Any) -> list[bytes]:
    """What the peer sent, in DER (SSL_get_peer_cert_chain), as soon as it is known."""
    return ders(raw.get_unverified_chain())


def ders(chain: Any) -> list[bytes]:
    """The certificates of a chain in DER."""
    encoding = ssl._ssl.ENCODING_DER  # type: ignore[attr-defined]
    # A server whose client sent no certificate is given a chain that holds None.
    return [
        item if isinstance(item, bytes) else item.public_bytes(encoding) for item in chain or () if item is not None
    ]


def set_alpn_wire(context: ssl.SSLContext, names: tuple[bytes, ...]) -> None:
    """Set the protocols as byte strings; the public method takes ASCII text only (SSL_CTX_set_alpn_protos)."""
    context._set_alpn_protocols(b"".join(bytes((len(name),)) + name for name in names))  # type: ignore[attr-defined]


@contextlib.contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """A path under which `content` can be read, until the block ends.

    It is a memory file where there are such (Linux), and otherwise a private temporary file.
    """
    descriptor = _new_memory_file()
    if descriptor is None:
        with _temporary_file(content) as path:
            yield path
        return
    try:
        os.fchmod(descriptor, 0o600)
        _write_all(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _new_memory_file() -> int | None:
    if not hasattr(os, "memfd_create") or not os.path.isdir("/proc/self/fd"):
        return None
    try:
        return os.memfd_create("unitls", os.MFD_CLOEXEC)
    except OSError as error:
        if error.errno in _NONE_HERE:
            return None
        raise


@contextlib.contextmanager
def _temporary_file(content: bytes) -> Iterator[str]:
    descriptor, path = tempfile.mkstemp(prefix="unitls-")  # mkstemp makes it readable for its owner alone
    try:
        try:
            _write_all(descriptor, content)
        finally:
            os.close(descriptor)
        yield path
    finally:
        os.unlink(path)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]
