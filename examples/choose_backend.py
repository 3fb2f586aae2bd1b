"""Which TLS libraries are here, what they can do, and how one is chosen.

$ python examples/choose_backend.py
$ UNITLS_BACKEND=openssl python examples/choose_backend.py
"""

from __future__ import annotations

import unitls


def describe(status: unitls.BackendStatus) -> str:
    """One line on a backend: its version, or why it cannot be used and what to install."""
    if not status.available:
        return f"{status.name}: not usable: {status.reason}"
    capabilities = unitls.get_backend(status.name).capabilities
    versions = ", ".join(map(str, capabilities.versions))
    return f"{status.name}: {status.library_version}; {versions}; {len(capabilities.features)} features"


def main() -> None:
    """Show what there is, then ask before configuring."""
    for status in unitls.available_backends():
        print(describe(status))

    chosen = unitls.get_backend()  # or get_backend("openssl"); UNITLS_BACKEND and set_default_backend() choose too
    print("chosen:", chosen.name)

    for feature in (unitls.Feature.SESSION_RESUMPTION, unitls.Feature.ECH):
        if chosen.capabilities.supports(feature):
            print(f"{feature.name}: yes")
        else:
            print(f"{feature.name}: no, {chosen.capabilities.reason(feature)}")

    try:  # what a backend cannot honour is refused when it is configured, never at a connection
        chosen.client_context(unitls.TLSClientConfiguration(ech_config_list=b"..."))
    except unitls.UnsupportedFeature as error:
        print("refused:", error)


if __name__ == "__main__":
    main()
