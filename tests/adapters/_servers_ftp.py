"""ProFTPD, which takes a data connection only if it resumes the session of the control connection."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

from _servers_common import DEADLINE, Files, Inetd, Target, clean_environment, need_program, own_group, own_user

_CONFIGURATION = """
ServerName "unitls test"
ServerType inetd
DefaultAddress 127.0.0.1
Port 21
ModulePath {modules}
LoadModule mod_tls.c
UseReverseDNS off
ScoreboardFile none
DelayTable none
SystemLog none
TransferLog none
WtmpLog off
User {user}
Group {group}
AuthOrder mod_auth_file.c
AuthUserFile {folder}/ftp.passwd
AuthPAM off
RequireValidShell off
RootLogin on
AllowOverwrite on
TLSEngine on
TLSProtocol TLSv1.2 TLSv1.3
TLSECCertificateFile {folder}/server.pem
TLSECCertificateKeyFile {folder}/server.key
TLSRequired auth
TLSOptions {options}
"""
_MODULES = "/usr/lib/proftpd"
USER, PASSWORD = "reader", "secret"


def _write(files: Files, name: str, options: str) -> str:
    path = files.folder / name
    text = _CONFIGURATION.format(
        folder=files.folder, user=own_user(), group=own_group(), modules=_MODULES, options=options
    )
    path.write_text(text if options else text.replace("TLSOptions \n", ""))
    return str(path)


@contextlib.contextmanager
def ftp_server(files: Files) -> Iterator[Target]:
    """A server with AUTH TLS (``plain``), and one with TLS from the beginning (``tls``). Its files are in ``files``."""
    program = need_program("proftpd")
    files.key.chmod(0o600)
    root = files.folder / "files"
    root.mkdir()
    (root / "hello.txt").write_bytes(b"hello\r\nworld\r\n")
    hashed = subprocess.run(
        [need_program("openssl"), "passwd", "-6", PASSWORD],
        capture_output=True, text=True, env=clean_environment(), timeout=DEADLINE, check=True,
    ).stdout.strip()  # fmt: skip
    users = files.folder / "ftp.passwd"
    users.write_text(f"{USER}:{hashed}:{os.geteuid()}:{os.getegid()}::{root}:/bin/sh\n")
    users.chmod(0o600)
    plain, tls = _write(files, "plain.conf", ""), _write(files, "tls.conf", "UseImplicitSSL")
    with Inetd([program, "-c", plain]) as explicit, Inetd([program, "-c", tls]) as implicit:
        yield Target.of(files, plain=explicit.port, tls=implicit.port)
