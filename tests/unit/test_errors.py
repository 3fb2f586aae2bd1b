from __future__ import annotations

import pickle
from typing import Any

import pytest

import unitls
from unitls import AlertDescription, Feature, VerifyFailure

# The tree as the design has it: each class with all it is an instance of.
TREE: dict[type[Exception], tuple[type[Exception], ...]] = {
    unitls.TLSError: (Exception,),
    unitls.WantReadError: (unitls.TLSError,),
    unitls.WantWriteError: (unitls.TLSError,),
    unitls.ConfigurationError: (unitls.TLSError, ValueError),
    unitls.UnsupportedFeature: (unitls.ConfigurationError, NotImplementedError),
    unitls.ConnectionFault: (unitls.TLSError, OSError),
    unitls.RaggedEOF: (unitls.ConnectionFault,),
    unitls.CertificateVerificationError: (unitls.ConnectionFault,),
    unitls.PeerAlert: (unitls.ConnectionFault,),
    unitls.ProtocolViolation: (unitls.ConnectionFault,),
    unitls.InternalTLSError: (unitls.TLSError,),
}
ERRORS: list[unitls.TLSError] = [
    unitls.TLSError("text"),
    unitls.WantReadError("text"),
    unitls.WantWriteError("text"),
    unitls.ConfigurationError("text"),
    unitls.UnsupportedFeature("text", feature=Feature.ECH),
    unitls.ConnectionFault("text"),
    unitls.RaggedEOF("text"),
    unitls.CertificateVerificationError("text", failure=VerifyFailure.EXPIRED, subject="a.test"),
    unitls.PeerAlert("text", alert=AlertDescription.UNKNOWN_CA),
    unitls.ProtocolViolation("text"),
    unitls.InternalTLSError("text"),
]


@pytest.mark.parametrize("kind", TREE, ids=lambda kind: kind.__name__)
def test_the_tree(kind: type[Exception]) -> None:
    for base in TREE[kind]:
        assert issubclass(kind, base)
    assert [item for item in kind.__bases__ if item in (*TREE, ValueError, OSError, NotImplementedError)] == [
        item for item in TREE[kind] if item is not Exception
    ]


def test_signals_and_our_own_mistakes_are_no_os_errors() -> None:
    for kind in (unitls.WantReadError, unitls.WantWriteError, unitls.ConfigurationError, unitls.InternalTLSError):
        assert not issubclass(kind, OSError)
    for kind in (unitls.WantReadError, unitls.ConnectionFault, unitls.InternalTLSError):
        assert not issubclass(kind, ValueError)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_text_and_native_details(error: unitls.TLSError) -> None:
    assert str(error) == "text"
    assert (error.native_code, error.native_text) == (None, None)
    attributes: dict[str, Any] = {}
    if isinstance(error, unitls.UnsupportedFeature):
        attributes["feature"] = error.feature
    if isinstance(error, unitls.PeerAlert):
        attributes["alert"] = error.alert
    again = type(error)("text", native_code=7, native_text="words", **attributes)
    assert (again.native_code, again.native_text) == (7, "words")


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_errors_travel_between_processes(error: unitls.TLSError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert (str(again), vars(again)) == (str(error), vars(error))


def test_what_an_error_needs() -> None:
    with pytest.raises(TypeError):
        unitls.PeerAlert("text")  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        unitls.UnsupportedFeature("text")  # type: ignore[call-arg]
    plain = unitls.CertificateVerificationError("text")
    assert (plain.failure, plain.subject) == (VerifyFailure.OTHER, None)
    assert unitls.PeerAlert("text", alert=250).alert == 250


def test_the_order_of_failures_is_the_order_of_reporting() -> None:
    assert [item.name for item in VerifyFailure] == [
        "EXPIRED", "NOT_YET_VALID", "UNKNOWN_ISSUER", "SELF_SIGNED", "NAME_MISMATCH", "REVOKED", "BAD_PURPOSE", "WEAK",
        "INVALID", "OTHER",
    ]  # fmt: skip


def test_capabilities_say_what_and_why() -> None:
    capabilities = unitls.Capabilities((), frozenset({Feature.ALPN}), {Feature.ECH: "too new"})
    assert capabilities.supports(Feature.ALPN)
    assert not capabilities.supports(Feature.ECH)
    assert capabilities.reason(Feature.ALPN) == ""
    assert capabilities.reason(Feature.ECH) == "too new"
    assert capabilities.reason(Feature.FIPS)
    capabilities.require(Feature.ALPN, "x")
    with pytest.raises(unitls.UnsupportedFeature, match="too new") as caught:
        capabilities.require(Feature.ECH, "x")
    assert caught.value.feature is Feature.ECH
    for feature in Feature:
        assert feature.value
