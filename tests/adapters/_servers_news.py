"""INN's reader daemon, over a spool with two articles."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from _servers_common import (
    DEADLINE,
    Files,
    Inetd,
    Target,
    clean_environment,
    find_program,
    need_program,
    own_group,
    own_user,
)

USER, PASSWORD = "reader", "secret"
_INN = Path("/usr/lib/news/bin")
_CONFIGURATION = """
mta: "/bin/false %s"
domain: news.test
pathhost: news.test
organization: unitls
hismethod: hisv6
ovmethod: tradindexed
enableoverview: true
pathnews: /usr/lib/news
pathspool: {folder}
patharticles: {folder}/articles
pathincoming: {folder}/incoming
pathoverview: {folder}/overview
pathdb: {folder}
pathetc: {folder}
pathfilter: {folder}
pathrun: {folder}
pathlog: {folder}
pathtmp: {folder}
runasuser: {user}
runasgroup: {group}
tlscertfile: {folder}/server.pem
tlskeyfile: {folder}/server.key
tlscafile: {folder}/ca.pem
tlsprotocols: [ TLSv1.2 TLSv1.3 ]
"""
_READERS = """
auth all {{
  hosts: "*"
  auth: "ckpasswd -f {folder}/news.passwd"
  default: "guest"
}}
access all {{
  users: "*"
  newsgroups: "*"
  access: RPA
}}
"""
_ARTICLE = """Path: news.test!not-for-mail
From: a@news.test
Newsgroups: unitls.test
Subject: article {number}
Date: Sun, 22 Nov 2020 10:00:00 +0000
Message-ID: <{number}@news.test>
Xref: news.test unitls.test:{number}
Lines: 2

.a line with a dot
body {number}
"""


def _write(folder: Path) -> None:
    hashed = subprocess.run(
        [need_program("openssl"), "passwd", "-6", PASSWORD],
        capture_output=True, text=True, env=clean_environment(), timeout=DEADLINE, check=True,
    ).stdout.strip()  # fmt: skip
    (folder / "inn.conf").write_text(_CONFIGURATION.format(folder=folder, user=own_user(), group=own_group()))
    (folder / "readers.conf").write_text(_READERS.format(folder=folder))
    (folder / "news.passwd").write_text(f"{USER}:{hashed}\n")
    (folder / "storage.conf").write_text("method tradspool {\n  newsgroups: *\n  class: 0\n}\n")
    (folder / "active").write_text("unitls.test 0000000002 0000000001 y\n")
    (folder / "active.times").write_text("unitls.test 1600000000 test\n")
    (folder / "newsgroups").write_text("unitls.test\tA group for tests\n")
    (folder / "incoming").mkdir()
    (folder / "overview").mkdir()
    articles = folder / "articles" / "unitls" / "test"
    articles.mkdir(parents=True)
    for number in (1, 2):
        (articles / str(number)).write_text(_ARTICLE.format(number=number))


@contextlib.contextmanager
def news_server(files: Files) -> Iterator[Target]:
    """A server with STARTTLS (``plain``), and one with TLS from the beginning (``tls``)."""
    program = find_program(str(_INN / "nnrpd")) or need_program("nnrpd")
    files.key.chmod(0o600)
    _write(files.folder)
    environment = {"INNCONF": str(files.folder / "inn.conf")}
    made = subprocess.run(
        [_INN / "makehistory", "-O", "-s", "1000"],
        cwd=files.folder, env=clean_environment(**environment), capture_output=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.fail(f"makehistory: {made.stderr.decode()}")
    with (
        Inetd([program], environment=environment) as explicit,
        Inetd([program, "-S"], environment=environment) as implicit,
    ):
        yield Target.of(files, plain=explicit.port, tls=implicit.port)
