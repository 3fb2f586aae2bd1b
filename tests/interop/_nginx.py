"""nginx as a server for our client, with a configuration in a folder of its own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from _http import get
from _peers import Command, PeerServer, RunningServer, Seen, ServerOptions, free_port_socket
from _pki import NAMES, PKI, SERVER_NAME
from _programs import Program, need_program

from unitls import TLSVersion, TLSWrappedSocket

BIG_FILE = bytes(range(256)) * 4096
_VERSIONS = {TLSVersion.TLSv1_2: "TLSv1.2", TLSVersion.TLSv1_3: "TLSv1.3"}
_MAIN = """
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_protocols {version};
    ssl_session_tickets on;
    {servers}
}}
"""
_SERVER = """
    server {{
        listen 127.0.0.1:{port} ssl{http2};
        server_name {name};
        ssl_certificate {chain};
        ssl_certificate_key {key};
        {client_authentication}
        root {folder}/files;
        location = /report {{
            default_type text/plain;
            return 200 "$ssl_protocol|$ssl_alpn_protocol|$ssl_server_name|$ssl_client_s_dn|$ssl_session_reused|$arg_x";
        }}
    }}
"""


class RefusedByStatus(Exception):
    """nginx refuses a client certificate in HTTP, in a connection that is fine."""


class _RunningNginx(RunningServer):
    def __init__(self, port: int) -> None:
        self.port = port
        self._seen = Seen()

    def exchange(self, connection: TLSWrappedSocket) -> Seen:
        """Ask for a page that says what nginx saw, and gives back a word of ours."""
        name = connection.server_name or SERVER_NAME
        status, body = get(connection, name, "/report?x=there-and-back")
        version, protocol, server_name, peer, reused, word = body.decode().split("|")
        assert (status, word) == (200, "there-and-back")
        return Seen(None, version.removeprefix("TLSv"), protocol, server_name, _common_name(peer), reused == "r")

    def be_refused(self, connection: TLSWrappedSocket) -> None:
        status, _ = get(connection, SERVER_NAME, "/report")
        if status == 400:
            raise RefusedByStatus("nginx answered 400")

    def seen(self) -> Seen:
        return self._seen


class NginxServer(PeerServer):
    """nginx, with ``ssl_verify_client`` where client certificates are demanded."""

    name = "nginx"
    refusals = (RefusedByStatus,)

    @contextlib.contextmanager
    def start(self, pki: PKI, options: ServerOptions, folder: Path) -> Iterator[RunningServer]:
        (folder / "files").mkdir()
        (folder / "files" / "big").write_bytes(BIG_FILE)
        with free_port_socket() as listener:
            port = listener.getsockname()[1]
            configuration = folder / "nginx.conf"
            configuration.write_text(_configuration(pki, options, folder, port))
            command: Command = [need_program("nginx"), "-p", folder, "-c", configuration, "-e", "stderr"]
            descriptor = listener.fileno()
            # nginx takes over the sockets it finds there, as it does when it is upgraded: nobody else gets the port.
            program = Program(command, environment={"NGINX": f"{descriptor};"}, pass_fds=[descriptor])
        with program:
            program.wait_for("start worker process ")
            yield _RunningNginx(port)


def _configuration(pki: PKI, options: ServerOptions, folder: Path, port: int) -> str:
    identities = [name for name in (options.identity, options.second) if name]
    demand = f"ssl_verify_client on; ssl_client_certificate {pki.pem(options.client_ca)};" if options.client_ca else ""
    servers = [
        _SERVER.format(
            port=port, http2=" http2" if "h2" in options.protocols else "", name=NAMES[identity],
            folder=folder, chain=pki.pem(identity), key=pki.key(identity), client_authentication=demand,
        )
        for identity in identities
    ]  # fmt: skip
    # As root its workers would become another user, who cannot read the folder.
    user = "user root;" if os.geteuid() == 0 else ""
    return _MAIN.format(user=user, folder=folder, version=_VERSIONS[options.version], servers="".join(servers))


def _common_name(name: str) -> str:
    """The common name of a distinguished name in the form of RFC 2253."""
    return next((part[3:] for part in name.split(",") if part.startswith("CN=")), "")
