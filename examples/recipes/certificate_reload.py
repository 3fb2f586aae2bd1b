"""A server that takes a new certificate without a restart: SIGHUP makes it read its files again.

New connections get the new certificate, those that are open keep going. A file that is damaged, or a key that does not fit,
is reported, and the server goes on with what it has.

$ python examples/recipes/certificate_reload.py --cert server.pem --key server.key &
$ kill -HUP $!
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import signal

import unitls
import unitls.asyncio


def read_identity(cert: str, key: str) -> unitls.Identity:
    """The certificate chain and its key, from two files."""
    return unitls.Identity(unitls.load_chain(cert), unitls.PrivateKey.from_file(key))


def reload(context: unitls.ServerContext, cert: str, key: str) -> None:
    """Read the files again; the context takes everything or nothing."""
    try:
        identity = read_identity(cert, key)
        context.configuration = dataclasses.replace(context.configuration, identities=(identity,))
    except (unitls.ConfigurationError, OSError) as error:
        print(f"kept the old certificate: {error}", flush=True)
    else:
        print("the certificate was reloaded", flush=True)


async def shout(reader: asyncio.StreamReader, writer: unitls.asyncio.StreamWriter) -> None:
    """Answer each line in capitals."""
    try:
        while line := await reader.readline():
            writer.write(line.upper())
            await writer.drain()
    except OSError as error:  # every fault of a connection is one; the server goes on
        print(f"a connection was lost: {error}", flush=True)
    finally:
        writer.close()


async def serve(context: unitls.ServerContext, asked: argparse.Namespace) -> None:
    """Serve until a signal says that it is enough."""
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGHUP, reload, context, asked.cert, asked.key)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, enough.set)
    async with await unitls.asyncio.start_server(shout, "127.0.0.1", asked.port, context=context) as server:
        print(f"serving on port {server.sockets[0].getsockname()[1]}", flush=True)
        await enough.wait()


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description="A server whose certificate can be replaced.")
    parser.add_argument("--cert", metavar="FILE", required=True, help="the certificate chain")
    parser.add_argument("--key", metavar="FILE", required=True)
    parser.add_argument("--port", type=int, default=8443)
    parser.add_argument("--backend", help="the TLS library (default: the default one)")
    asked = parser.parse_args()
    configuration = unitls.TLSServerConfiguration(identities=(read_identity(asked.cert, asked.key),))
    asyncio.run(serve(unitls.get_backend(asked.backend).server_context(configuration), asked))


if __name__ == "__main__":
    main()
