"""Cases on certificates and private keys: every form in which programs meet them, and every way in which they are bad."""

from __future__ import annotations

import functools
import importlib.util
import os
import pickle
import tempfile
from typing import Any

from ..api._certificates import Certificate, Identity, PrivateKey
from ..api._errors import ConfigurationError
from ..api._features import Feature
from ..core._pem import to_pem
from ..core._values import load_chain
from ..core._x509 import certificate_fields
from ._audit import audited
from ._case import ONCE, UNBOUND, case
from ._expect import NotApplicable, equal, raises, require, same
from ._kit import OTHER_HOST, Kit
from ._zoo_files import load_key_zoo

_STRANGE = b"-----BEGIN GARBAGE-----\nAAAA\n-----END GARBAGE-----\n"


def _chain_for(kit: Kit, form: str) -> list[Certificate]:
    issued = kit.identities.rsa_server if form.startswith("rsa-") else kit.identities.server
    return [Certificate.from_buffer(der) for der in issued.chain]


def _serves(kit: Kit, chain: list[Certificate], key: PrivateKey, hostname: str = "server.test") -> None:
    server = kit.server(identities=())
    server.register_certificates(chain, key)
    kit.connected(server=server, hostname=hostname).echo()


def _register(kit: Kit, chain: Any, key: Any) -> None:
    kit.server(identities=()).register_certificates(chain, key)


@case("key-forms", "key-memory", "key-file", "key-passphrase", drives=ONCE, versions=UNBOUND)
def keys_in_every_form(kit: Kit) -> None:
    """Every encoding of a key works, from memory and from a file, with a passphrase of every type."""
    path = kit.directory() / "key"
    for form, (content, password) in load_key_zoo().items():
        chain = _chain_for(kit, form)
        path.write_bytes(content)
        passwords: list[Any] = [None]
        if password is not None:
            passwords = [password, bytearray(password), lambda p=password: p, lambda p=password: bytearray(p)]
        for given in passwords:
            _register(kit, chain, PrivateKey.from_buffer(content, given))
            _register(kit, chain, PrivateKey.from_file(path, given))
        _serves(kit, chain, PrivateKey.from_buffer(bytearray(content), passwords[0]))  # type: ignore[arg-type]


@case("key-backend-class", "certificate-backend-class", drives=ONCE, versions=UNBOUND)
def classes_of_the_backend(kit: Kit) -> None:
    """The backend's own classes of certificate and key have the same constructors."""
    backend, issued = kit.server_backend, kit.identities.server
    path = kit.directory() / "both.pem"
    path.write_bytes(issued.key_pem + issued.certificate_pem)
    chain = [backend.certificate.from_buffer(issued.chain[0])]
    _serves(kit, chain, backend.private_key.from_buffer(issued.key_pem))
    _serves(kit, [backend.certificate.from_file(path)], backend.private_key.from_file(path))


@case("key-file", "certificate-file", drives=ONCE, versions=UNBOUND)
def paths_of_every_type(kit: Kit) -> None:
    """A path may be a string, bytes or a Path; a file that is not there is an OSError."""
    directory = kit.directory()
    key, leaf = directory / "key.pem", directory / "leaf.pem"
    key.write_bytes(kit.identities.server.key_pem)
    leaf.write_bytes(kit.identities.server.certificate_pem)
    for convert in (str, os.fsencode, lambda path: path):
        _serves(kit, [Certificate.from_file(convert(leaf))], PrivateKey.from_file(convert(key)))
    raises(OSError, lambda: PrivateKey.from_file(directory / "missing"), "a key that is not there")
    raises(OSError, lambda: Certificate.from_file(directory / "missing"), "a certificate that is not there")


@case("key-passphrase-ignored", "key-passphrase-lazy", drives=ONCE, versions=UNBOUND)
def passphrase_that_is_not_needed(kit: Kit) -> None:
    """For a key that is not encrypted a passphrase is ignored, and a callable is not called."""
    calls: list[int] = []

    def password() -> bytes:
        calls.append(1)
        return b"no"

    for form, (content, secret) in load_key_zoo().items():
        if secret is None:
            _serves(kit, _chain_for(kit, form), PrivateKey.from_buffer(content, password))
            _register(kit, _chain_for(kit, form), PrivateKey.from_buffer(content, b"no"))
    equal(calls, [], "the calls")


@case("key-passphrase-lazy", drives=ONCE, versions=UNBOUND)
def passphrase_that_is_asked_for(kit: Kit) -> None:
    """A callable is called without arguments, only when the key is needed, and once."""
    for form, (content, secret) in load_key_zoo().items():
        if secret is None:
            continue
        calls: list[int] = []

        def password(calls: list[int] = calls, secret: bytes = secret) -> bytes:
            calls.append(1)
            return secret

        key = PrivateKey.from_buffer(content, password)
        equal(calls, [], f"{form}: the calls before the key is used")
        _register(kit, _chain_for(kit, form), key)
        _serves(kit, _chain_for(kit, form), key)
        equal(calls, [1], f"{form}: the calls")


@case("key-passphrase-wrong", "key-no-prompt", drives=ONCE, versions=UNBOUND)
def passphrase_that_is_wrong(kit: Kit) -> None:
    """A wrong passphrase, none, or one of the wrong type is a ConfigurationError; nobody is asked on the terminal."""
    for form, (content, secret) in load_key_zoo().items():
        if secret is None:
            continue
        chain = _chain_for(kit, form)
        raises(ConfigurationError, lambda c=content: PrivateKey.from_buffer(c), f"{form}: no passphrase")
        for wrong in (b"wrong", b"", bytearray(b"wrong"), lambda: b"wrong", lambda: "text", lambda: None, b"x" * 5000):
            what = f"{form}: the passphrase {wrong!r:.30}"
            call = functools.partial(_register_encrypted, kit, chain, content, wrong)
            error = raises(ConfigurationError, call, what)
            require("passphrase" in str(error), f"{what}: the message {str(error)!r} names the passphrase")
            require("wrong'" not in str(error), "the message shows no secret")
        raises(ConfigurationError, lambda c=content: PrivateKey.from_buffer(c, "text"), f"{form}: text")  # type: ignore[arg-type]


def _register_encrypted(kit: Kit, chain: Any, content: bytes, password: Any) -> None:
    _register(kit, chain, PrivateKey.from_buffer(content, password))


@case("key-mismatch", drives=ONCE, versions=UNBOUND)
def key_of_another_certificate(kit: Kit) -> None:
    """A key that does not belong to the leaf is a ConfigurationError when it is registered."""
    leaf = [Certificate.from_buffer(kit.identities.server.chain[0])]
    for other in (kit.identities.client, kit.identities.rsa_server):
        key = PrivateKey.from_buffer(other.key_pem)
        raises(ConfigurationError, lambda k=key: _register(kit, leaf, k), "a key of another certificate")
        raises(ConfigurationError, lambda k=key: kit.client().register_certificates(leaf, k), "the same, at a client")
        raises(ConfigurationError, lambda k=key: kit.server(identities=(Identity(leaf, k),)), "the same, at once")


@case("register-leaf-first", drives=ONCE, versions=UNBOUND)
def chain_in_the_wrong_order(kit: Kit) -> None:
    """The leaf is the first certificate; an intermediate in its place does not fit the key."""
    issued = kit.identities.second_server
    chain = [Certificate.from_buffer(der) for der in issued.chain]
    key = PrivateKey.from_buffer(issued.key_pem)
    _serves(kit, chain, key, OTHER_HOST)
    raises(ConfigurationError, lambda: _register(kit, chain[::-1], key), "the intermediate first")


@case("register-types", drives=ONCE, versions=UNBOUND)
def arguments_that_are_something_else(kit: Kit) -> None:
    """An empty list, a certificate alone, bytes or a path in their place is a ConfigurationError."""
    key = PrivateKey.from_buffer(kit.identities.server.key_pem)
    leaf = Certificate.from_buffer(kit.identities.server.chain[0])
    wrong: tuple[tuple[Any, Any], ...] = (
        ([], key), (leaf, key), (b"x", key), ("leaf.pem", key), ([b"x"], key), ([leaf], b"key"), ([leaf], None), ([leaf], leaf),
    )  # fmt: skip
    for chain, given in wrong:
        raises(ConfigurationError, lambda c=chain, g=given: _register(kit, c, g), f"{chain!r:.40}, {given!r:.40}")


@case("key-invalid", drives=ONCE, versions=UNBOUND)
def keys_that_are_none(kit: Kit) -> None:
    """An empty, cut, binary or foreign buffer is a ConfigurationError, and so are several keys at once."""
    pem = kit.identities.server.key_pem
    wrong = {
        "nothing": b"",
        "white space": b"\n \n",
        "text": b"hello",
        "binary": bytes(range(256)),
        "a cut PEM": pem[: len(pem) // 2],
        "a PEM without its end": pem.rpartition(b"-----END")[0],
        "a PEM that is no base64": pem.replace(b"M", b"!"),
        "a PEM of something else": _STRANGE,
        "a certificate": kit.identities.server.certificate_pem,
        "a DER certificate": kit.identities.server.chain[0],
        "two keys": pem + kit.identities.client.key_pem,
    }
    for form, (content, password) in load_key_zoo().items():
        if password is None and form.endswith("-der"):
            wrong[f"{form}, cut"] = content[:-5]
            wrong[f"{form}, with more behind it"] = content + b"more"
    chain = _chain_for(kit, "ec-")
    path = kit.directory() / "wrong.key"
    for what, content in wrong.items():
        raises(ConfigurationError, lambda c=content: _register(kit, chain, PrivateKey.from_buffer(c)), what)
        path.write_bytes(content)
        error = raises(ConfigurationError, lambda: _register(kit, chain, PrivateKey.from_file(path)), what)
        require(kit.identities.server.key_pem.decode()[40:60] not in str(error), "the message shows nothing of a key")


@case("certificate-forms", drives=ONCE, versions=UNBOUND)
def certificates_in_every_form(kit: Kit) -> None:
    """PEM and DER, any bytes-like object, text around the PEM: two of the same content are equal."""
    der = kit.identities.server.chain[0]
    pem = to_pem(der, "CERTIFICATE")
    made = [
        Certificate.from_buffer(item)  # type: ignore[arg-type]
        for item in (
            der,
            pem,
            bytearray(der),
            memoryview(pem),
            b"subject=x\n" + pem,
            pem.replace(b"\n", b"\r\n"),
            pem + b"\n",
        )
    ]
    for item in made:
        equal(item, made[0], "two certificates of the same content")
        equal(hash(item), hash(made[0]), "their hashes")
    require(made[0] != Certificate.from_buffer(kit.identities.client.chain[0]), "two certificates differ")
    _serves(kit, made[1:2], PrivateKey.from_buffer(kit.identities.server.key_pem))


@case("certificate-invalid", drives=ONCE, versions=UNBOUND)
def certificates_that_are_none(kit: Kit) -> None:
    """An empty, cut, binary or foreign buffer is a ConfigurationError, and so are several certificates at once."""
    der, pem = kit.identities.server.chain[0], kit.identities.server.certificate_pem
    wrong = {
        "nothing": b"",
        "text": b"hello",
        "binary": bytes(range(256)),
        "a cut PEM": pem[: len(pem) // 2],
        "a cut DER": der[:-5],
        "a DER with more behind it": der + b"more",
        "a PEM of a cut DER": to_pem(der[:-5], "CERTIFICATE"),
        "a PEM of something else": _STRANGE,
        "a key": kit.identities.server.key_pem,
        "several certificates": kit.identities.second_server.certificate_pem,
    }
    path = kit.directory() / "wrong.pem"
    for what, content in wrong.items():
        raises(ConfigurationError, lambda c=content: Certificate.from_buffer(c), what)
        path.write_bytes(content)
        error = raises(ConfigurationError, lambda: Certificate.from_file(path), what)
        require(path.name in str(error), f"{what}: the message names the file")


@case("load-chain", drives=ONCE, versions=UNBOUND)
def chain_from_a_file(kit: Kit) -> None:
    """A chain is read from a PEM file of several certificates, in its order."""
    issued = kit.identities.second_server
    path = kit.directory() / "chain.pem"
    path.write_bytes(issued.key_pem + issued.certificate_pem)
    chain = load_chain(path)
    equal(chain, [Certificate.from_buffer(der) for der in issued.chain], "load_chain()")
    _serves(kit, chain, PrivateKey.from_file(path), OTHER_HOST)
    path.write_bytes(b"nothing")
    raises(ConfigurationError, lambda: load_chain(path), "a file without certificates")


@case("load-pkcs12", drives=ONCE, versions=UNBOUND)
def identity_from_a_pkcs12_file(kit: Kit) -> None:
    """An identity is read from a PKCS#12 file; a wrong passphrase and garbage are refused."""
    if importlib.util.find_spec("cryptography") is None:
        raise NotApplicable("the package cryptography is needed to read PKCS#12")
    from ..core._pkcs12 import load_pkcs12
    from ._certificates import pkcs12_file

    issued = kit.identities.second_server
    content = pkcs12_file(issued.chain, issued.key_pem, b"secret")
    for password in (b"secret", bytearray(b"secret"), lambda: b"secret"):
        identity = load_pkcs12(content, password)
        equal(identity.certificates, tuple(Certificate.from_buffer(der) for der in issued.chain), "the certificates")
        _serves(kit, list(identity.certificates), identity.private_key, OTHER_HOST)
    for wrong in (b"wrong", None):
        raises(ConfigurationError, functools.partial(load_pkcs12, content, wrong), f"the passphrase {wrong!r}")
    for garbage in (b"", b"hello", content[:-20], issued.key_pem):
        raises(ConfigurationError, functools.partial(load_pkcs12, garbage, b"secret"), f"{garbage!r:.20}")


@case("key-secret", "key-identity", drives=ONCE, versions=UNBOUND)
def keys_keep_their_secret(kit: Kit) -> None:
    """A key shows nothing of itself, cannot be pickled, and compares by identity."""
    content, password = load_key_zoo()["ec-pkcs8-encrypted-pem"]
    key = PrivateKey.from_buffer(content, password)
    shown = repr(key) + repr(Identity([Certificate.from_buffer(kit.identities.server.chain[0])], key))
    require(password is not None and password.decode() not in shown, "repr shows no passphrase")
    require(content.splitlines()[1].decode() not in shown, "repr shows nothing of the key")
    raises(Exception, lambda: pickle.dumps(key), "pickling a key")
    require(key != PrivateKey.from_buffer(content, password), "two keys of the same content are not equal")
    same(key == key, True, "a key equals itself")


@case("external-signer-digest", drives=ONCE, server=[Feature.EXTERNAL_SIGNER])
def signer_of_digests(kit: Kit) -> None:
    """A key that lives elsewhere and signs messages and digests does either, once, in any version."""
    try:
        from ._certificates import load_private_key, sign_digest, sign_message
    except ImportError:
        raise NotApplicable("the package cryptography is needed to sign") from None
    issued, asked = kit.identities.server, list[int]()
    key = load_private_key(issued.key_pem)

    def sign(scheme: int, message: bytes) -> bytes:
        asked.append(scheme)
        return sign_message(key, scheme, message)

    def sign_hash(scheme: int, digest: bytes) -> bytes:
        asked.append(scheme)
        return sign_digest(key, scheme, digest)

    signer = PrivateKey.from_signer(certificate_fields(issued.chain[0]).spki, sign, sign_digest=sign_hash)
    _serves(kit, [Certificate.from_buffer(issued.chain[0])], signer)
    equal(asked, [0x0403], "the signature schemes it was asked for")


@case("key-no-file", drives=ONCE, versions=UNBOUND)
def keys_from_memory_touch_no_disk(kit: Kit) -> None:
    """A key given from memory leaves no file, and nothing is written where another process could open it."""
    directory = kit.directory()
    before, tempfile.tempdir = tempfile.tempdir, str(directory)
    try:
        with audited() as events:
            for form, (content, password) in load_key_zoo().items():
                _serves(kit, _chain_for(kit, form), PrivateKey.from_buffer(content, password))
    finally:
        tempfile.tempdir = before
    equal(list(directory.iterdir()), [], "what is left in the directory for temporary files")
    written = [
        str(item[0]) for name, item in events if name == "open" and _is_writing(item) and isinstance(item[0], str)
    ]
    if hasattr(os, "memfd_create"):
        equal(written, [], "the files opened for writing")


def _is_writing(arguments: tuple[Any, ...]) -> bool:
    flags = arguments[2] if len(arguments) > 2 and isinstance(arguments[2], int) else 0
    return bool(flags & (os.O_WRONLY | os.O_RDWR))
