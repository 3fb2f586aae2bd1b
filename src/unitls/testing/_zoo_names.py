"""The cases of the zoo in which only the names matter (RFC 9525)."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "zoo.test"


@dataclass(frozen=True, slots=True)
class NameCase:
    """A certificate with nothing wrong but, perhaps, its names, and the host that a client asks for."""

    name: str
    note: str
    dns_names: tuple[str | bytes, ...]
    asked: str
    failures: tuple[str, ...] = ("NAME_MISMATCH",)
    ip_addresses: tuple[str, ...] = ()
    common_name: str | None = None


_LOOPBACK = ("127.0.0.1", "::1")

GOOD_NAMES = (
    NameCase("good", "nothing wrong", (HOST,), HOST, failures=()),
    NameCase("good_ipv4", "an iPAddress entry, asked for", (), "127.0.0.1", failures=(), ip_addresses=_LOOPBACK),
    NameCase("good_ipv6", "an iPAddress entry of IPv6, asked for", (), "::1", failures=(), ip_addresses=_LOOPBACK),
    NameCase("good_wildcard", "a wildcard as the left-most label", ("*.zoo.test",), "a.zoo.test", failures=()),
    NameCase("good_case", "names compare without case", ("ZOO.Test",), HOST, failures=()),
    NameCase("good_several_names", "the last of several names matches", ("a.test", "b.test", HOST), HOST, failures=()),
    NameCase(
        "good_other_common_name", "the common name does not count", (HOST,), HOST, failures=(), common_name="other.test"
    ),
)

BAD_NAMES = (
    NameCase("wrong_name", "another host's certificate", ("other.test",), HOST),
    NameCase("common_name_only", "the name is in the subject only (RFC 9525 section 2)", (), HOST, common_name=HOST),
    NameCase(
        "common_name_beside_san", "the common name fits, the SAN does not", ("other.test",), HOST, common_name=HOST
    ),
    NameCase(
        "null_byte",
        "a dNSName with a null byte behind the name asked for",
        (b"zoo.test\0.evil.test",),
        HOST,
        ("NAME_MISMATCH", "INVALID"),
    ),
    NameCase("suffix", "the name asked for is the end of another label", ("notzoo.test",), HOST),
    NameCase("parent", "a name does not stand for what is below it", (HOST,), "a.zoo.test"),
    NameCase("wildcard_partial", "a wildcard for part of a label", ("z*.zoo.test",), "za.zoo.test"),
    NameCase("wildcard_suffix", "a wildcard for the start of a label", ("*a.zoo.test",), "za.zoo.test"),
    NameCase("wildcard_two_labels", "a wildcard stands for one label", ("*.zoo.test",), "a.b.zoo.test"),
    NameCase("wildcard_no_label", "a wildcard does not stand for no label", ("*.zoo.test",), HOST),
    NameCase("wildcard_middle", "a wildcard behind the left-most label", ("a.*.test",), "a.zoo.test"),
    NameCase("wildcard_double", "two wildcards", ("*.*.test",), "a.zoo.test"),
    NameCase("wildcard_tld", "a wildcard over a top-level domain", ("*.test",), HOST),
    NameCase("wildcard_alone", "a wildcard for every name of one label", ("*",), "zoo"),
    NameCase("ip_in_dns", "an IP address as dNSName", ("127.0.0.1",), "127.0.0.1"),
    NameCase("ip_wildcard", "a wildcard that looks like it covers an IP address", ("*.0.0.1",), "127.0.0.1"),
    NameCase("other_ip", "another host's iPAddress", (), "127.0.0.1", ip_addresses=("127.0.0.2",)),
    NameCase("dns_for_ip", "iPAddress entries only, asked for by name", (), HOST, ip_addresses=_LOOPBACK),
)
