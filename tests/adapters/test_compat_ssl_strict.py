"""``VERIFY_X509_STRICT`` refuses on every backend what it makes OpenSSL refuse, for the same reason."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from _compat import NAME, pair
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import unitls
import unitls.compat.ssl as face
from unitls import Feature
from unitls.core._pem import certificates_from
from unitls.testing import load_zoo

NOW = datetime.now(UTC)


def key_usage(*, sign: bool, crl: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=sign, crl_sign=crl, encipher_only=False, decipher_only=False,
    )  # fmt: skip


class Maker:
    """Makes a root and a leaf that are as RFC 5280 wants them, or in one point are not.

    Args:
        leave_out: extensions that are left out, as ``"root.KeyUsage"``.
        flip: extensions whose criticality is turned round.
        replace: extensions that are others.
        unnamed: whether the leaf has an empty subject.
    """

    def __init__(
        self, leave_out: str = "", flip: str = "", replace: dict[str, Any] | None = None, unnamed: bool = False
    ) -> None:
        self.leave_out, self.flip, self.replace = leave_out, flip, replace or {}
        self.root_key, self.key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A root")])
        named = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "A leaf")])
        self.root = self._sign("root", root, root, self.root_key.public_key(), self._root_extensions())
        leaf = x509.Name([]) if unnamed else named
        self.leaf = self._sign("leaf", leaf, root, self.key.public_key(), self._leaf_extensions())

    def _root_extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        return [
            (x509.BasicConstraints(ca=True, path_length=None), True),
            (key_usage(sign=True), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.root_key.public_key()), False),
        ]

    def _leaf_extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        return [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (key_usage(sign=False), True),
            (x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self.root_key.public_key()), False),
            (x509.SubjectAlternativeName([x509.DNSName(NAME)]), False),
        ]

    def _sign(self, who: str, subject: x509.Name, issuer: x509.Name, key: Any, extensions: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(NOW - timedelta(days=1)).not_valid_after(NOW + timedelta(days=300))
        for extension, critical in extensions:
            name = f"{who}.{type(extension).__name__}"
            if name != self.leave_out:
                builder = builder.add_extension(self.replace.get(name, extension), critical is not (name == self.flip))
        return builder.sign(self.root_key, hashes.SHA256())

    def trust(self) -> str:
        return self.root.public_bytes(serialization.Encoding.PEM).decode()

    def write(self, path: Path) -> Path:
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        path.write_bytes(self.leaf.public_bytes(serialization.Encoding.PEM) + key)
        return path


LAX: dict[str, Callable[[], Maker]] = {
    "a root without key usage": lambda: Maker("root.KeyUsage"),
    "a root without key identifier": lambda: Maker("root.SubjectKeyIdentifier"),
    "a root whose constraints are not critical": lambda: Maker(flip="root.BasicConstraints"),
    "a leaf without authority key identifier": lambda: Maker("leaf.AuthorityKeyIdentifier"),
    "a leaf without a subject whose names are not critical": lambda: Maker(unnamed=True),
}
# What libraries refuse of themselves, with the word strict or without it, each for a reason it finds first.
ODD: dict[str, Callable[[], Maker]] = {
    "a critical authority key identifier": lambda: Maker(flip="leaf.AuthorityKeyIdentifier"),
    "a critical subject key identifier": lambda: Maker(flip="leaf.SubjectKeyIdentifier"),
    "a leaf that signs certificates": lambda: Maker(replace={"leaf.KeyUsage": key_usage(sign=True)}),
}
GOOD: dict[str, Callable[[], Maker]] = {
    "as it should be": Maker,
    "a leaf without key usage": lambda: Maker("leaf.KeyUsage"),
    "a leaf without key identifier": lambda: Maker("leaf.SubjectKeyIdentifier"),
    "a leaf without a subject": lambda: Maker(unnamed=True, flip="leaf.SubjectAlternativeName"),
}


def server(made: Maker, folder: Path) -> Any:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.write(folder / "server.pem"))
    return context


def client(kind: Any, made: Maker, **options: Any) -> Any:
    context = kind(ssl.PROTOCOL_TLS_CLIENT, **options)
    context.load_verify_locations(cadata=made.trust())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def need_hook(backend: unitls.Backend) -> None:
    if not backend.capabilities.supports(Feature.VERIFICATION_HOOK):
        pytest.skip(backend.capabilities.reason(Feature.VERIFICATION_HOOK))


@pytest.mark.parametrize("case", LAX)
def test_what_is_lax_is_refused(backend: unitls.Backend, case: str, tmp_path: Path) -> None:
    need_hook(backend)
    made = LAX[case]()
    theirs, ours = client(ssl.SSLContext, made), client(face.SSLContext, made, backend=backend)
    with pytest.raises(ssl.SSLCertVerificationError) as wanted, pair(server(made, tmp_path), theirs):
        pass
    with pytest.raises(ssl.SSLCertVerificationError) as found, pair(server(made, tmp_path), ours):
        pass
    ours.verify_flags &= ~face.VERIFY_X509_STRICT
    try:
        with pair(server(made, tmp_path), ours):
            pass
    except ssl.SSLCertVerificationError as error:  # a library that is stricter anyway
        verdict = (error.verify_code, error.verify_message)
    else:
        verdict = (wanted.value.verify_code, wanted.value.verify_message)
    assert (found.value.verify_code, found.value.verify_message) == verdict


@pytest.mark.parametrize("case", ODD)
def test_what_is_odd_is_refused(backend: unitls.Backend, case: str, tmp_path: Path) -> None:
    need_hook(backend)
    made = ODD[case]()
    ours = client(face.SSLContext, made, backend=backend)
    with pytest.raises(ssl.SSLError), pair(server(made, tmp_path), ours):
        pass


@pytest.mark.parametrize("case", GOOD)
def test_what_is_good_is_accepted(backend: unitls.Backend, case: str, tmp_path: Path) -> None:
    need_hook(backend)
    made = GOOD[case]()
    for context in (client(ssl.SSLContext, made), client(face.SSLContext, made, backend=backend)):
        with pair(server(made, tmp_path), context):
            pass


ZOO = [case for case in load_zoo() if case.role == "server" and not case.failures and not case.crls_pem]


@pytest.mark.parametrize("case", ZOO, ids=lambda case: case.name)
def test_the_good_part_of_the_zoo_is_judged_as_openssl_does(backend: unitls.Backend, case: Any, tmp_path: Path) -> None:
    need_hook(backend)
    path = tmp_path / "chain.pem"
    path.write_bytes(b"".join(ssl.DER_cert_to_PEM_cert(der).encode() for der in case.server_chain) + case.key_pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(path)
    lax, strict = ssl.VERIFY_X509_PARTIAL_CHAIN, ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    verdicts = []
    for kind, options, flags in (
        (face.SSLContext, {"backend": backend}, lax),
        (ssl.SSLContext, {}, strict),
        (face.SSLContext, {"backend": backend}, strict),
    ):
        context: Any = kind(ssl.PROTOCOL_TLS_CLIENT, **options)
        context.verify_flags |= flags
        context.hostname_checks_common_name = False
        for der in certificates_from(case.trust_pem):
            context.load_verify_locations(cadata=der)
        try:
            with pair(serving, context, case.server_hostname):
                verdicts.append(0)
        except ssl.SSLCertVerificationError as error:
            verdicts.append(error.verify_code)
    # A library that is stricter anyway (expectations.toml) says its own number with the flag and without it.
    assert verdicts[2] == (verdicts[0] or verdicts[1])
