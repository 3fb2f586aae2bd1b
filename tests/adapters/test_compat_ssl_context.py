"""`SSLContext`: defaults and settings as theirs, and a refusal for everything a backend cannot do."""

from __future__ import annotations

import os
import socket
import ssl
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from _compat import files, server_context

import unitls
import unitls.compat.ssl as face
from unitls import Feature, UnsupportedFeature
from unitls.testing import CertificateAuthority, load_identities

CLIENT, SERVER = face.PROTOCOL_TLS_CLIENT, face.PROTOCOL_TLS_SERVER
SETTINGS = (
    "protocol", "verify_mode", "check_hostname", "verify_flags", "options", "minimum_version", "maximum_version",
    "keylog_filename", "num_tickets", "security_level", "sni_callback",
)  # fmt: skip


def has(backend: unitls.Backend, feature: Feature) -> bool:
    return backend.capabilities.supports(feature)


@pytest.mark.parametrize("name", ["PROTOCOL_TLS_CLIENT", "PROTOCOL_TLS_SERVER"])
def test_a_new_context_is_set_as_theirs(backend: unitls.Backend, name: str) -> None:
    ours, theirs = face.SSLContext(getattr(face, name), backend=backend), ssl.SSLContext(getattr(ssl, name))
    for setting in SETTINGS:
        assert getattr(ours, setting) == getattr(theirs, setting), setting
    assert isinstance(ours, ssl.SSLContext)
    assert ours.backend is backend


@pytest.mark.parametrize("purpose", list(face.Purpose))
def test_the_default_context_is_set_as_theirs(backend: unitls.Backend, purpose: Any) -> None:
    ours, theirs = face.create_default_context(purpose, backend=backend), ssl.create_default_context(purpose)
    for setting in SETTINGS:
        assert getattr(ours, setting) == getattr(theirs, setting), setting


def test_a_protocol_for_both_roles_is_deprecated_and_works(backend: unitls.Backend) -> None:
    with pytest.warns(DeprecationWarning, match="PROTOCOL_TLS is deprecated"):
        context = face.SSLContext(face.PROTOCOL_TLS, backend=backend)
    assert context.verify_mode == ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="deprecated"):
        assert face.SSLContext(backend=backend).protocol == ssl.PROTOCOL_TLS


@pytest.mark.parametrize("protocol", [face.PROTOCOL_TLSv1, face.PROTOCOL_TLSv1_1])
def test_an_old_protocol_is_refused_where_the_library_lacks_it(backend: unitls.Backend, protocol: Any) -> None:
    version = {face.PROTOCOL_TLSv1: "TLSv1", face.PROTOCOL_TLSv1_1: "TLSv1_1"}[protocol]
    if unitls.TLSVersion[version] in backend.capabilities.versions:
        with pytest.warns(DeprecationWarning, match="deprecated"):
            context = face.SSLContext(protocol, backend=backend)
        assert context.minimum_version is context.maximum_version is face.TLSVersion[version]
    else:
        with pytest.raises(UnsupportedFeature, match="TLSv1"):
            face.SSLContext(protocol, backend=backend)


def test_the_protocol_of_one_version_sets_both_bounds(backend: unitls.Backend) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context = face.SSLContext(face.PROTOCOL_TLSv1_2, backend=backend)
    assert context.maximum_version == face.TLSVersion.TLSv1_2


def test_what_is_no_protocol_or_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="protocol"):
        face.SSLContext(99)
    with pytest.raises(ssl.SSLError, match="there is no backend"):
        face.SSLContext(CLIENT, backend="nobody")


def test_a_context_is_for_one_role(backend: unitls.Backend) -> None:
    for protocol, server_side in ((CLIENT, True), (SERVER, False)):
        context = face.SSLContext(protocol, backend=backend)
        context.check_hostname = False
        near, far = socket.socketpair()
        with near, far, pytest.raises(ssl.SSLError, match="Cannot create a"):
            context.wrap_socket(near, server_side=server_side)


# ---------------------------------------------------------------------------------------------- verification


def test_verification_and_names_depend_on_each_other(backend: unitls.Backend) -> None:
    context = face.SSLContext(CLIENT, backend=backend)
    with pytest.raises(ValueError, match="check_hostname is enabled"):
        context.verify_mode = face.CERT_NONE
    context.check_hostname = False
    if has(backend, Feature.DISABLE_VALIDATION):
        context.verify_mode = face.CERT_NONE
        context.check_hostname = True
        assert context.verify_mode is face.CERT_REQUIRED
    with pytest.raises(ValueError, match="verify_mode"):
        context.verify_mode = 7


def test_a_common_name_never_counts(backend: unitls.Backend) -> None:
    context = face.SSLContext(CLIENT, backend=backend)
    context.hostname_checks_common_name = False
    assert context.hostname_checks_common_name is False
    with pytest.raises(UnsupportedFeature, match="RFC 9525"):
        context.hostname_checks_common_name = True


@pytest.mark.parametrize("flag", ["VERIFY_CRL_CHECK_CHAIN", "VERIFY_ALLOW_PROXY_CERTS"])
def test_verify_flags_that_nobody_can_follow_are_refused(backend: unitls.Backend, flag: str) -> None:
    context = face.SSLContext(CLIENT, backend=backend)
    with pytest.raises(UnsupportedFeature):
        context.verify_flags |= getattr(face, flag)
    assert context.verify_flags == face.VERIFY_X509_TRUSTED_FIRST


@pytest.mark.parametrize(
    ("flag", "feature"),
    [("VERIFY_CRL_CHECK_LEAF", Feature.CRLS), ("VERIFY_X509_STRICT", Feature.VERIFICATION_HOOK)],
)
def test_verify_flags_that_some_can_follow(backend: unitls.Backend, flag: str, feature: Feature) -> None:
    context, value = face.SSLContext(CLIENT, backend=backend), getattr(face, flag)
    if has(backend, feature):
        context.verify_flags |= value
        assert context.verify_flags & value
    else:
        with pytest.raises(UnsupportedFeature):
            context.verify_flags |= value


# ---------------------------------------------------------------------------------------------- options, versions


def test_options_that_no_backend_knows_are_refused(backend: unitls.Backend) -> None:
    context = face.SSLContext(CLIENT, backend=backend)
    for option in (face.OP_ENABLE_KTLS, face.OP_LEGACY_SERVER_CONNECT, 0x40000):
        with pytest.raises(UnsupportedFeature):
            context.options |= option
    before = context.options
    context.options |= face.OP_NO_TICKET | face.OP_NO_RENEGOTIATION
    context.options &= ~face.OP_NO_TICKET
    assert context.options == before | face.OP_NO_RENEGOTIATION


def test_versions_by_bounds_and_by_options(backend: unitls.Backend) -> None:
    context = face.SSLContext(CLIENT, backend=backend)
    context.load_verify_locations(files().ca)
    with pytest.raises(UnsupportedFeature):
        context.minimum_version = face.TLSVersion.SSLv3
    with pytest.raises(ValueError, match="version"):
        context.minimum_version = 77
    lowest, highest = (face.TLSVersion(int(backend.capabilities.versions[end])) for end in (0, -1))
    context.minimum_version = face.TLSVersion.MAXIMUM_SUPPORTED
    assert context.minimum_version is highest, "programs compare it: it is not to look like less than TLS 1.2"
    context.minimum_version = face.TLSVersion.TLSv1_2
    for bound, shown in (("MINIMUM_SUPPORTED", lowest), ("MAXIMUM_SUPPORTED", face.TLSVersion.MAXIMUM_SUPPORTED)):
        context.maximum_version = face.TLSVersion[bound]
        assert context.maximum_version is shown
    context.options |= face.OP_NO_TLSv1_3
    assert context._core(False)[0].configuration.upper_bound is unitls.TLSVersion.TLSv1_2
    context.options |= face.OP_NO_TLSv1_2
    with pytest.raises(ssl.SSLError, match="NO_PROTOCOLS_AVAILABLE"):
        context._core(False)


def test_one_configuration_serves_until_something_changes(backend: unitls.Backend) -> None:
    context = face.create_default_context(cafile=files().ca, backend=backend)
    first = context._core(False)
    assert context._core(False)[1] is first[1]
    context.options |= face.OP_IGNORE_UNEXPECTED_EOF
    context.load_verify_locations(files().ca)
    context.set_alpn_protocols([])
    assert context._core(False)[1] is first[1], "the same settings once more are no change"
    context.set_alpn_protocols(["h2"])
    assert context._core(False)[1] is not first[1]
    assert context._core(False)[0] is first[0]


# ---------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize("how", ["file", "pem", "der", "directory"])
def test_authorities_come_from_anywhere(backend: unitls.Backend, how: str, tmp_path: Path) -> None:
    ours, theirs = face.SSLContext(CLIENT, backend=backend), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    pem = Path(files().ca).read_text()
    (tmp_path / "0123abcd.0").write_text(pem)
    (tmp_path / "README").write_text("nothing")
    arguments: dict[str, Any] = {
        "file": {"cafile": files().ca},
        "pem": {"cadata": pem},
        "der": {"cadata": ssl.PEM_cert_to_DER_cert(pem) * 2},
        "directory": {"capath": tmp_path},
    }[how]
    for context in (ours, theirs):
        context.load_verify_locations(**arguments)
    assert ours.get_ca_certs() == theirs.get_ca_certs()
    assert ours.get_ca_certs(binary_form=True) == theirs.get_ca_certs(binary_form=True)
    assert ours.cert_store_stats() == theirs.cert_store_stats()


def refusal_of(call: Any) -> type[BaseException] | None:
    try:
        call()
    except Exception as error:
        return next(base for base in type(error).__mro__ if base.__module__ in ("ssl", "builtins"))
    return None


def same_refusal(backend: unitls.Backend, call: Any) -> None:
    ours, theirs = face.SSLContext(SERVER, backend=backend), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    wanted = refusal_of(lambda: call(theirs))
    assert wanted is not None
    found = refusal_of(lambda: call(ours))
    assert found is not None
    assert issubclass(found, wanted) or issubclass(wanted, found), (found, wanted)


def test_authorities_that_are_none_are_refused_as_theirs(backend: unitls.Backend, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    same_refusal(backend, lambda context: context.load_verify_locations())
    same_refusal(backend, lambda context: context.load_verify_locations(str(empty)))
    same_refusal(backend, lambda context: context.load_verify_locations(str(tmp_path / "missing.pem")))
    same_refusal(backend, lambda context: context.load_verify_locations(cadata=""))
    same_refusal(backend, lambda context: context.load_verify_locations(cadata="nothing"))
    same_refusal(backend, lambda context: context.load_verify_locations(cadata=b"nothing"))
    same_refusal(backend, lambda context: context.load_verify_locations(cadata="ä"))
    same_refusal(backend, lambda context: context.load_verify_locations(cadata=5))
    same_refusal(backend, lambda context: context.load_default_certs("nothing"))


@pytest.mark.parametrize("load", ["load_cert_chain", "load_verify_locations", "load_dh_params"])
def test_a_number_is_no_file(backend: unitls.Backend, load: str) -> None:
    """It is a descriptor of the program's, which opening it as a file would read, and close."""
    with open(files().ca, "rb") as file:
        context = face.SSLContext(SERVER, backend=backend)
        with pytest.raises(TypeError):
            getattr(context, load)(file.fileno())
        assert file.read(5) == b"-----"


def test_our_certificate_is_refused_as_theirs(backend: unitls.Backend, tmp_path: Path) -> None:
    material = files()
    same_refusal(backend, lambda context: context.load_cert_chain(str(tmp_path / "missing.pem")))
    same_refusal(backend, lambda context: context.load_cert_chain(material.chain))
    same_refusal(backend, lambda context: context.load_cert_chain(material.chain, material.rsa_key))
    same_refusal(backend, lambda context: context.load_cert_chain(material.key, material.key))
    same_refusal(backend, lambda context: context.load_cert_chain(material.chain, material.key, password=5))


def test_a_key_in_place_of_its_file_is_not_shown(backend: unitls.Backend) -> None:
    context = face.SSLContext(SERVER, backend=backend)
    with pytest.raises(face.SSLError) as caught:
        context.load_cert_chain(files().chain, load_identities().server.key_pem.decode())
    assert "BEGIN" not in repr(caught.value)


@pytest.mark.parametrize(
    "password", ["a passphrase", b"a passphrase", bytearray(b"a passphrase"), lambda: "a passphrase"]
)
def test_a_key_may_be_encrypted(backend: unitls.Backend, password: Any, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form

    key = form.load_pem_private_key(load_identities().server.key_pem, None)
    hidden = form.BestAvailableEncryption(b"a passphrase")
    both = tmp_path / "both.pem"
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hidden)
    both.write_bytes(load_identities().server.certificate_pem + pem)
    context = face.SSLContext(SERVER, backend=backend)
    context.load_cert_chain(both, password=password)
    for wrong in ("another one", lambda: b"another one", None):
        with pytest.raises(ssl.SSLError):
            context.load_cert_chain(both, password=wrong)
    with pytest.raises(TypeError):
        context.load_cert_chain(both, password=lambda: 5)


def test_a_server_holds_one_certificate_of_each_kind(backend: unitls.Backend) -> None:
    context = server_context(backend)
    context.load_cert_chain(files().rsa_chain, files().rsa_key)
    context.load_cert_chain(files().chain, files().key)
    assert len(context._core(True)[0].configuration.identities) == 2
    client = face.SSLContext(CLIENT, backend=backend)
    client.load_cert_chain(files().client_chain, files().client_key)
    with pytest.raises(UnsupportedFeature):
        client.load_cert_chain(files().rsa_chain, files().rsa_key)


def test_the_system_s_authorities_are_shown(backend: unitls.Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", files().ca)
    context = face.SSLContext(CLIENT, backend=backend)
    context.load_default_certs()
    assert [item["subject"] for item in context.get_ca_certs()] == [((("commonName", "unitls test authority"),),)] or (
        len(context.get_ca_certs()) == 1
    )


# ---------------------------------------------------------------------------------------------- the rest


def test_what_needs_a_feature(backend: unitls.Backend, tmp_path: Path) -> None:
    server = face.SSLContext(SERVER, backend=backend)
    log = str(tmp_path / "keys.txt")
    actions: list[tuple[Feature, Any]] = [
        (Feature.KEY_LOG, lambda: setattr(server, "keylog_filename", log)),
        (Feature.TICKET_COUNT, lambda: setattr(server, "num_tickets", 3)),
        (Feature.POST_HANDSHAKE_AUTHENTICATION, lambda: setattr(server, "post_handshake_auth", True)),
        (Feature.ALPN, lambda: server.set_alpn_protocols(["h2"])),
        (Feature.GROUPS, lambda: server.set_ecdh_curve("prime256v1")),
        (Feature.SNI_CALLBACK, lambda: setattr(server, "sni_callback", lambda *_: None)),
    ]
    for feature, action in actions:
        if has(backend, feature):
            action()
        else:
            with pytest.raises(UnsupportedFeature) as caught:
                action()
            assert caught.value.feature is feature
            assert isinstance(caught.value, ssl.SSLError)
    if not has(backend, Feature.POST_HANDSHAKE_AUTHENTICATION):
        assert server.post_handshake_auth is None, "as with an OpenSSL that lacks it"


def test_what_no_backend_has_is_refused(backend: unitls.Backend) -> None:
    server = face.SSLContext(SERVER, backend=backend)
    with pytest.raises(UnsupportedFeature):
        server.load_dh_params(files().ca)
    with pytest.raises(FileNotFoundError):
        server.load_dh_params("/nowhere/at/all")
    with pytest.raises(UnsupportedFeature), pytest.warns(DeprecationWarning, match="NPN"):
        server.set_npn_protocols(["h2"])
    with pytest.raises(UnsupportedFeature):
        server._msg_callback = print
    with pytest.raises(UnsupportedFeature):
        server.set_psk_server_callback(lambda *_: None)
    server.set_psk_client_callback(None)
    with pytest.raises(ValueError, match="curve"):
        server.set_ecdh_curve("a curve")


def test_wrong_values_are_refused(backend: unitls.Backend) -> None:
    server, client = face.SSLContext(SERVER, backend=backend), face.SSLContext(CLIENT, backend=backend)
    with pytest.raises(ValueError, match="server context"):
        client.num_tickets = 1
    with pytest.raises(ValueError, match="negative"):
        server.num_tickets = -1
    with pytest.raises(TypeError):
        server.sni_callback = 5
    with pytest.raises(ValueError, match="TLS_CLIENT"):
        client.sni_callback = lambda *_: None
    for wrong in ("", "x" * 256):
        with pytest.raises(ssl.SSLError, match="1 to 255"):
            server.set_alpn_protocols([wrong])
    with pytest.raises(OverflowError):
        server.options = -1
    with pytest.raises(ValueError, match="TLS_CLIENT"):
        client.sni_callback = None
    with pytest.warns(DeprecationWarning, match="PROTOCOL_TLS"):
        both = face.SSLContext(face.PROTOCOL_TLS, backend=backend)
    with pytest.raises(ValueError, match="server context"):
        both.num_tickets = 1
    with pytest.raises(TypeError):
        server.set_ecdh_curve(None)


@pytest.mark.parametrize(
    "name", ["options", "verify_flags", "verify_mode", "minimum_version", "maximum_version", "num_tickets"]
)
@pytest.mark.parametrize("value", ["2", 2.5, None])
def test_what_is_no_integer_is_no_setting(backend: unitls.Backend, name: str, value: Any) -> None:
    """A number is not made of it that the program has not written."""
    context = face.SSLContext(SERVER, backend=backend)
    before = getattr(context, name)
    with pytest.raises(TypeError, match="integer"):
        setattr(context, name, value)
    assert getattr(context, name) == before


def test_theirs_cannot_be_made_over_it(backend: unitls.Backend) -> None:
    """It would go past the backend."""
    context = face.create_default_context(cafile=files().ca, backend=backend)
    with pytest.raises(ssl.SSLError, match="sslobject_class"):
        ssl.SSLObject._create(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a.test", context=context)  # type: ignore[attr-defined]
    near, far = socket.socketpair()
    with near, far, pytest.raises(ssl.SSLError, match="sslsocket_class"):
        ssl.SSLSocket._create(near, server_hostname="a.test", context=context)  # type: ignore[attr-defined]


def test_what_lies_under_it_in_c_would_trust_nobody(backend: unitls.Backend) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = face.SSLContext(face.PROTOCOL_TLS, backend=backend)
    c: Any = super(ssl.SSLContext, context)
    assert c.verify_mode == ssl.CERT_REQUIRED
    assert c.check_hostname is True
    assert c.get_ca_certs() == []


def test_the_key_log_of_the_environment_is_for_default_contexts(
    backend: unitls.Backend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    assert face.SSLContext(CLIENT, backend=backend).keylog_filename is None
    if has(backend, Feature.KEY_LOG) and not sys.flags.ignore_environment:
        assert face.create_default_context(backend=backend).keylog_filename == os.fspath(tmp_path / "keys")
    else:
        with pytest.raises(UnsupportedFeature):
            face.create_default_context(backend=backend)


def test_a_directory_may_hold_what_is_not_there_yet(backend: unitls.Backend, tmp_path: Path) -> None:
    face.SSLContext(CLIENT, backend=backend).load_verify_locations(capath=tmp_path / "later")


def test_without_a_partial_chain_only_roots_are_anchors(backend: unitls.Backend) -> None:
    middle = CertificateAuthority.create().intermediate()
    context = face.SSLContext(CLIENT, backend=backend)
    context.load_verify_locations(cadata=middle.certificate_pem.decode())
    with pytest.raises(face.SSLCertVerificationError, match="local issuer"):
        context._core(False)
    context.verify_flags |= face.VERIFY_X509_PARTIAL_CHAIN
    assert context._core(False)
