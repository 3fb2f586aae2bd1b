"""``ssl.match_hostname``, which Python had up to 3.11, and the helpers of it that other packages have borrowed."""

from __future__ import annotations

import socket as socket_module
import warnings
from typing import Any

from ._errors import CertificateError


def match_hostname(cert: Any, hostname: str) -> None:
    """Check a name against a certificate as `SSLSocket.getpeercert` shows it. Connections do this themselves.

    Only the subject alternative names count, never the common name.

    Raises:
        CertificateError: it does not match.
        ValueError: `cert` is empty.
    """
    warnings.warn("ssl.match_hostname() is deprecated", DeprecationWarning, stacklevel=2)
    if not cert:
        raise ValueError(
            "empty or no certificate, match_hostname needs a SSL socket or SSL context with either CERT_OPTIONAL or "
            "CERT_REQUIRED"
        )
    try:
        address: bytes | None = _inet_paton(hostname)
    except ValueError:
        address = None
    names = []
    for key, value in cert.get("subjectAltName", ()):
        if key == "DNS":
            if address is None and _dnsname_match(value, hostname):
                return
            names.append(value)
        elif key == "IP Address":
            if address is not None and _ipaddress_match(value, address):
                return
            names.append(value)
    if len(names) > 1:
        raise CertificateError(f"hostname {hostname!r} doesn't match either of {', '.join(map(repr, names))}")
    if names:
        raise CertificateError(f"hostname {hostname!r} doesn't match {names[0]!r}")
    raise CertificateError("no appropriate subjectAltName fields were found")


def _dnsname_match(dn: str, hostname: str) -> bool:
    """Whether a name with at most one wildcard, as its whole left-most label, stands for `hostname`."""
    if not dn:
        return False
    wildcards = dn.count("*")
    if not wildcards:
        return dn.lower() == hostname.lower()
    if wildcards > 1:
        raise CertificateError(f"too many wildcards in certificate DNS name: {dn!r}.")
    label, dot, rest = dn.partition(".")
    if "*" in rest:
        raise CertificateError(f"wildcard can only be present in the leftmost label: {dn!r}.")
    if not dot:
        raise CertificateError(f"sole wildcard without additional labels are not support: {dn!r}.")
    if label != "*":
        raise CertificateError(f"partial wildcards in leftmost label are not supported: {dn!r}.")
    host, dot, parent = hostname.partition(".")
    return bool(host and dot) and rest.lower() == parent.lower()


def _inet_paton(ipname: str) -> bytes:
    """The bytes of an IP address in text.

    Raises:
        ValueError: it is none.
    """
    for family in (socket_module.AF_INET, socket_module.AF_INET6):
        try:
            return socket_module.inet_pton(family, ipname)
        except OSError:
            continue
    raise ValueError(f"{ipname!r} is neither an IPv4 nor an IP6 address.")


def _ipaddress_match(cert_ipaddress: str, host_ip: bytes) -> bool:
    """Whether two addresses are the same."""
    return _inet_paton(cert_ipaddress.rstrip()) == host_ip
