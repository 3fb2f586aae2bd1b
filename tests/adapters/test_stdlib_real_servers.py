"""The clients of `unitls.stdlib` against real servers: FTP, IMAP, POP3, SMTP, NNTP and HTTP, with every backend.

Each session is run twice: here, and in an interpreter in which `ssl` and `_ssl` cannot be imported.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from _servers_common import Files, Target, clean_environment, server_files
from _servers_ftp import ftp_server
from _servers_mail import mail_box, mail_transport
from _servers_news import news_server
from _servers_sessions import SESSIONS, Session, news
from _servers_web import web_server

import unitls
from unitls import Feature
from unitls.stdlib import _nntp

pytestmark = pytest.mark.timeout(180)
SERVERS: dict[str, Callable[[Files], AbstractContextManager[Target]]] = {
    "ftp": ftp_server,
    "mail_box": mail_box,
    "mail_transport": mail_transport,
    "news": news_server,
    "web": web_server,
}
_WITHOUT_SSL = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name in ("ssl", "_ssl"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
sys.path[:0] = sys.argv[1].split("|")
import ftplib, http.client, imaplib, poplib, smtplib
assert not hasattr(ftplib, "FTP_TLS")
assert not hasattr(http.client, "HTTPSConnection")
assert not hasattr(imaplib, "IMAP4_SSL")
assert not hasattr(poplib, "POP3_SSL")
assert not hasattr(smtplib, "SMTP_SSL")
import _servers_sessions
_servers_sessions.main(*sys.argv[2:])
"""


@pytest.fixture(scope="module", params=SERVERS)
def kind(request: pytest.FixtureRequest) -> str:
    """Which server."""
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def target(kind: str) -> Iterator[Target]:
    """The server, one for all tests with it."""
    with server_files() as files, SERVERS[kind](files) as running:
        yield running


@pytest.fixture
def session(backend: unitls.Backend, target: Target) -> Session:
    """A backend that can be a client with an authority of its own, and the server."""
    for feature in (Feature.CLIENT, Feature.CUSTOM_TRUST_STORE):
        if not backend.capabilities.supports(feature):
            pytest.skip(f"{backend.name} lacks {feature.value}: {backend.capabilities.reason(feature)}")
    return Session(backend, target.ports, target.ca, target.stranger)


def test_session(kind: str, session: Session) -> None:
    for run in SESSIONS[kind]:
        run(session)


def test_session_without_ssl(kind: str, session: Session, target: Target) -> None:
    paths = [str(Path(unitls.__file__).parents[1]), str(Path(__file__).parent)]
    made = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", _WITHOUT_SSL, "|".join(paths), session.backend.name, kind,
         json.dumps(dataclasses.asdict(target))],
        capture_output=True, text=True, env=clean_environment(), timeout=120, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    answer = json.loads(made.stdout.splitlines()[-1])
    if "unavailable" in answer:
        assert "ssl" in answer["unavailable"]
        pytest.skip(f"{session.backend.name} is the module ssl: {answer['unavailable']}")
    assert answer == {"done": [run.__name__ for run in SESSIONS[kind]], "ssl": []}


@pytest.fixture
def own_nntplib(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """`unitls.stdlib.nntplib` as it is where the standard library has none."""
    name = "unitls.stdlib.nntplib"
    usual = importlib.import_module(name)
    monkeypatch.setitem(sys.modules, "nntplib", None)
    monkeypatch.delitem(sys.modules, name)
    yield importlib.import_module(name)
    monkeypatch.setattr(sys.modules["unitls.stdlib"], "nntplib", usual)


@pytest.mark.parametrize("kind", ["news"], indirect=True, scope="module")
def test_news_with_the_client_of_our_own(session: Session, own_nntplib: Any) -> None:
    assert own_nntplib.NNTP.__mro__[1] is _nntp.NNTP
    news(session, own_nntplib)
