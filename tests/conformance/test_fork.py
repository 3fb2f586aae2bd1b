"""Contexts and connections of a process go on in its forked child, and in itself, on every backend.

Each test forks in a process that has one thread: a lock that another thread holds at that moment, in whatever library,
is held in the child for ever.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import unitls
from unitls import Feature

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

PROGRAM = """
import os, sys, threading
from unitls import Feature, MemoryBuffer, SessionCache, WantReadError, get_backend
from unitls.testing._kit import Drive, Kit


class End:
    def __init__(self, context, *host):
        self.incoming, self.outgoing = MemoryBuffer(), MemoryBuffer()
        self.connection = context.wrap_buffers(self.incoming, self.outgoing, *host)

    def hello(self):
        try:
            self.connection.do_handshake()
        except WantReadError:
            return self.outgoing.read()


def randoms(accepted):  # behind the headers of the record and of the message, and a version (RFC 8446 section 4.1.2)
    hello = End(client, "server.test").hello()
    accepted.incoming.write(hello)
    return hello[11:43] + accepted.hello()[11:43]


backend = get_backend(sys.argv[1])
resumes = backend.capabilities.supports(Feature.SESSION_RESUMPTION)
kit = Kit(backend, backend, Drive.WHOLE, None)
client, server = kit.client(**({"session_cache": SessionCache()} if resumes else {})), kit.server()
pair = kit.connected(client, server)
accepted = [End(server), End(server)]
reader, writer = os.pipe()
assert threading.active_count() == 1
child = os.fork()
drawn = randoms(accepted.pop(0 if child else 1))
pair.echo()
for _ in range(3):
    kit.connected(client, server).echo()
if not child:
    os.write(writer, drawn)
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
both = drawn + os.read(reader, 100)
assert len({both[begin : begin + 32] for begin in range(0, len(both), 32)}) == 4, "the child has drawn our random numbers"
kit.close()
print("both")
"""
_SERVERS = [
    status.name
    for status in unitls.available_backends()
    if status.available and unitls.get_backend(status.name).capabilities.supports(Feature.SERVER)
]


@pytest.mark.parametrize("name", _SERVERS)
def test_both_sides_of_a_fork_go_on(name: str) -> None:
    """Each with random numbers of its own."""
    command = [sys.executable, "-W", "error", "-c", PROGRAM, name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("both\n", "", 0)
