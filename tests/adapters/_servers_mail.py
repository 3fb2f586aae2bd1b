"""Dovecot for IMAP and POP3, and Exim for SMTP."""

from __future__ import annotations

import contextlib
import os
import pwd
from collections.abc import Iterator

from _servers_common import IS_ROOT, Files, Inetd, Program, Target, need_program, own_group, own_port, own_user

USER, PASSWORD = "reader", "secret"
_DOVECOT = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = /dev/stderr
protocols = imap pop3
listen = 127.0.0.1
ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
ssl_min_protocol = TLSv1.2
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 1
first_valid_gid = 0
{accounts}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
"""
_MESSAGE = b"From: a@news.test\nTo: reader@mail.test\nSubject: a test\n\na line of text\n.a line with a dot\n"


def _accounts() -> str:
    """Without root it cannot become anybody else."""
    if IS_ROOT:
        return ""
    user = own_user()
    return f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {own_group()}"


@contextlib.contextmanager
def mail_box(files: Files) -> Iterator[Target]:
    """Dovecot with one message, on ``imap``, ``imaps``, ``pop3`` and ``pop3s``; it takes no password in the clear."""
    program = need_program("dovecot")
    new = files.folder / "mail" / USER / "new"
    for folder in (files.folder / "run", files.folder / "state", new, new.parent / "cur", new.parent / "tmp"):
        folder.mkdir(parents=True)
    (new / "1.test").write_bytes(_MESSAGE)
    owner = (pwd.getpwnam("nobody").pw_uid, os.getegid()) if IS_ROOT else (os.geteuid(), os.getegid())
    for folder in (new.parents[1], new.parent, *new.parent.iterdir()):
        os.chown(folder, *owner)  # as root Dovecot becomes the owner of the mail, who must not be root
    configuration = files.folder / "dovecot.conf"
    with contextlib.ExitStack() as held:
        ports = {name: held.enter_context(own_port()) for name in ("imap", "imaps", "pop3", "pop3s")}
        configuration.write_text(
            _DOVECOT.format(
                folder=files.folder, accounts=_accounts(), uid=owner[0], gid=owner[1], password=PASSWORD, **ports
            )
        )
        running = held.enter_context(Program([program, "-F", "-c", configuration]))
        running.wait_for("starting up")
        yield Target.of(files, **ports)


_EXIM = """
primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/spool/log/%slog
keep_environment =
host_lookup =
rfc1413_hosts =
queue_only
tls_advertise_hosts = *
tls_certificate = {folder}/server.pem
tls_privatekey = {folder}/server.key
acl_smtp_mail = accept encrypted = *
acl_smtp_rcpt = accept
acl_smtp_data = accept
begin routers
keep:
  driver = accept
  transport = none
begin transports
none:
  driver = appendfile
  file = {folder}/mail
"""


@contextlib.contextmanager
def mail_transport(files: Files) -> Iterator[Target]:
    """Exim with STARTTLS (``plain``), and with TLS from the beginning (``tls``); it takes no mail in the clear."""
    program = need_program("exim4")
    files.key.chmod(0o644)  # started as root it reads the key as its own user
    configuration = files.folder / "exim.conf"
    configuration.write_text(_EXIM.format(folder=files.folder))
    command = [program, "-C", str(configuration), "-bs"]
    relayed = not IS_ROOT  # it trusts inetd's connections only when it is started by root
    with (
        Inetd(command, relayed=relayed) as explicit,
        Inetd([*command, "-tls-on-connect"], relayed=relayed) as implicit,
    ):
        yield Target.of(files, plain=explicit.port, tls=implicit.port)
