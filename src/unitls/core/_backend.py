"""What a backend shows: its two context classes and its `Backend`, made around its provider."""

from __future__ import annotations

import functools
from typing import Any

from ..api._backend import Backend
from ._context import CoreClientContext, CoreServerContext
from ._provider import Provider
from ._system_verdict import told_capabilities
from ._values import NeutralCertificate, NeutralPrivateKey, NeutralTrustStore


def make_backend(provider: Provider, spelling: str) -> Backend:
    """Make the `Backend` of a provider.

    Args:
        provider: the library, as core sees it.
        spelling: the library's name as it is written, with which the names of the context classes begin.
    """
    classes: list[Any] = [
        type(
            f"{spelling}{base.__name__.removeprefix('Core')}",
            (base,),
            {
                "__slots__": (),
                "__doc__": f"{base.__name__.removeprefix('Core')} of the backend {provider.name}.",
                "__module__": type(provider).__module__,
                "provider": provider,
            },
        )
        for base in (CoreClientContext, CoreServerContext)
    ]
    backend = Backend(
        name=provider.name,
        library_version=provider.library_version,
        client_context=classes[0],
        server_context=classes[1],
        certificate=NeutralCertificate,
        private_key=NeutralPrivateKey,
        trust_store=NeutralTrustStore,
        memory_buffer=provider.memory_buffer,
        find_capabilities=functools.partial(told_capabilities, provider),
    )
    for made in classes:
        made.belongs_to = backend
    return backend
