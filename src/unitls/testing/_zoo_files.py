"""The files that hold the zoo, for runs without `cryptography`.

Reading them takes the standard library alone. ``tools/make_zoo.py`` writes them; their dates do not wear out.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from ._ca import CertificateAuthority, Issued
from ._zoo import Identities, OCSPCase, ZooCase


@functools.cache
def load_zoo() -> tuple[ZooCase, ...]:
    """Every case of the zoo, from the files of the package.

    Returns:
        The cases, good ones first, the same ones at every call.
    """
    return tuple(_case_from(entry) for entry in _read("cases.json"))


@functools.cache
def load_identities() -> Identities:
    """Good certificates, from the files of the package.

    Returns:
        The same values at every call.
    """
    entry = _read("identities.json")
    authority = CertificateAuthority(_unbase64(entry["authority"]["certificate"]), _pem_from(entry["authority"]["key"]))
    issued = {name: _issued_from(value) for name, value in entry.items() if name != "authority"}
    return Identities(authority=authority, **issued)


@functools.cache
def load_ocsp() -> tuple[OCSPCase, ...]:
    """OCSP responses about the server of `load_identities`, from the files of the package.

    Returns:
        The cases, good ones first, the same ones at every call.
    """
    return tuple(
        OCSPCase(entry["name"], entry["note"], entry["failure"], _unbase64(entry["response"]))
        for entry in _read("ocsp.json")
    )


def load_key_zoo() -> dict[str, tuple[bytes, bytes | None]]:
    """Private keys in every encoding that programs meet, from the files of the package.

    Each ``rsa-`` key is the one of `Identities.rsa_server`, each ``ec-`` key the one of `Identities.server`.

    Returns:
        By name the encoded key, PEM or DER as the name ends, and its passphrase where it is encrypted.
    """
    entries = _read("keys.json")
    return {name: (_key_from(name, entry["key"]), _password_from(entry)) for name, entry in entries.items()}


def dump_zoo(cases: tuple[ZooCase, ...]) -> str:
    """The text of the file that `load_zoo` reads."""
    return _dump([_case_entry(case) for case in cases])


def dump_identities(identities: Identities) -> str:
    """The text of the file that `load_identities` reads."""
    authority = identities.authority
    entry = {"authority": {"certificate": _base64(authority.certificate_der), "key": _pem_entry(authority.key_pem)}}
    issued = {name: getattr(identities, name) for name in ("server", "second_server", "rsa_server", "client")}
    return _dump(entry | {name: _issued_entry(value) for name, value in issued.items()})


def dump_ocsp(cases: tuple[OCSPCase, ...]) -> str:
    """The text of the file that `load_ocsp` reads."""
    return _dump(
        [
            {"name": case.name, "note": case.note, "failure": case.failure, "response": _base64(case.response)}
            for case in cases
        ]
    )


def dump_key_zoo(keys: Mapping[str, tuple[bytes, bytes | None]]) -> str:
    """The text of the file that `load_key_zoo` reads."""
    return _dump(
        {
            name: {
                "key": _base64(key) if name.endswith("-der") else _pem_entry(key),
                "password": None if password is None else password.decode(),
            }
            for name, (key, password) in keys.items()
        }
    )


def _case_entry(case: ZooCase) -> dict[str, Any]:
    return {
        "name": case.name,
        "note": case.note,
        "role": case.role,
        "server_hostname": case.server_hostname,
        "failures": case.failures,
        "combined": case.combined,
        "chain": [_base64(der) for der in case.server_chain],
        "key": _pem_entry(case.key_pem),
        "trust": _pem_entry(case.trust_pem),
        "crls": None if case.crls_pem is None else _pem_entry(case.crls_pem),
    }


def _case_from(entry: dict[str, Any]) -> ZooCase:
    return ZooCase(
        name=entry["name"],
        note=entry["note"],
        role=entry["role"],
        server_hostname=entry["server_hostname"],
        failures=tuple(entry["failures"]),
        combined=entry["combined"],
        server_chain=tuple(_unbase64(der) for der in entry["chain"]),
        key_pem=_pem_from(entry["key"]),
        trust_pem=_pem_from(entry["trust"]),
        crls_pem=None if entry["crls"] is None else _pem_from(entry["crls"]),
    )


def _issued_entry(issued: Issued) -> dict[str, Any]:
    # Serial numbers have up to 20 octets, more than many readers of JSON keep exactly in a number.
    chain = [_base64(der) for der in issued.chain]
    return {"serial": f"{issued.serial:x}", "chain": chain, "key": _pem_entry(issued.key_pem)}


def _issued_from(entry: dict[str, Any]) -> Issued:
    chain = tuple(_unbase64(der) for der in entry["chain"])
    return Issued(chain, _pem_from(entry["key"]), int(entry["serial"], 16))


def _key_from(name: str, entry: Any) -> bytes:
    return _unbase64(entry) if name.endswith("-der") else _pem_from(entry)


def _password_from(entry: dict[str, Any]) -> bytes | None:
    return None if entry["password"] is None else entry["password"].encode()


def _pem_entry(pem: bytes) -> list[str]:
    # As lines, so that a reader of the file sees PEM.
    return pem.decode("ascii").splitlines()


def _pem_from(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unbase64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _read(name: str) -> Any:
    return json.loads(resources.files(__package__).joinpath("zoo", name).read_text(encoding="ascii"))


def _dump(value: Any) -> str:
    return json.dumps(value, indent=1) + "\n"
