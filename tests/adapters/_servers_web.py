"""nginx, and tinyproxy in front of it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from _servers_common import ADDRESS, IS_ROOT, Files, Program, Target, need_program, own_port

_NGINX = """
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
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {folder}/server.pem;
        ssl_certificate_key {folder}/server.key;
        root {folder}/www;
        location = /report {{ default_type text/plain; return 200 "$ssl_protocol|$ssl_alpn_protocol|$ssl_server_name"; }}
        location = /moved {{ return 302 /report; }}
    }}
}}
"""
BIG = bytes(range(256)) * 4096


@contextlib.contextmanager
def web_server(files: Files) -> Iterator[Target]:
    """Gives nginx on ``tls``, and a proxy on ``proxy``."""
    (files.folder / "www").mkdir()
    (files.folder / "www" / "big").write_bytes(BIG)
    configuration = files.folder / "nginx.conf"
    with socket.create_server((ADDRESS, 0)) as listener:
        port: int = listener.getsockname()[1]
        user = "user root;" if IS_ROOT else ""  # its workers would become somebody who cannot read the folder
        configuration.write_text(_NGINX.format(folder=files.folder, port=port, user=user))
        nginx = Program(
            [need_program("nginx"), "-p", files.folder, "-c", configuration, "-e", "stderr"],
            environment={"NGINX": f"{listener.fileno()};"}, pass_fds=[listener.fileno()],
        )  # fmt: skip
    with nginx:
        nginx.wait_for("start worker process ")
        with _proxy(files, port) as proxy:
            yield Target.of(files, tls=port, proxy=proxy)


@contextlib.contextmanager
def _proxy(files: Files, allowed: int) -> Iterator[int]:
    configuration = files.folder / "proxy.conf"
    with own_port() as port:
        configuration.write_text(f"Port {port}\nListen {ADDRESS}\nTimeout 60\nLogLevel Info\nConnectPort {allowed}\n")
        with Program([need_program("tinyproxy"), "-d", "-c", configuration]) as running:
            running.wait_for("Accepting connections")
            yield port
