from __future__ import annotations

import pickle

import pytest

import unitls
from unitls.core._backend_errors import BackendErrors

NEEDED = {
    unitls.PeerAlert: {"alert": 40},
    unitls.CertificateVerificationError: {"failure": unitls.VerifyFailure.EXPIRED},
}
CLASSES = BackendErrors("Sample", globals()).classes
BACKENDS = [status.name for status in unitls.available_backends() if status.available]


def test_the_classes_stand_in_their_module_by_name() -> None:
    assert {item.__name__ for item in CLASSES.values()} == {
        f"Sample{name}"
        for name in (
            "Error", "ConfigurationError", "ConnectionFault", "InternalError", "RaggedEOF", "PeerAlert",
            "CertificateVerificationError", "ProtocolViolation", "WantReadError", "WantWriteError",
        )
    }  # fmt: skip
    assert all(globals()[item.__name__] is item for item in CLASSES.values())


@pytest.mark.parametrize("name", BACKENDS)
def test_the_errors_of_a_backend_are_its_own_and_ours_and_travel(name: str) -> None:
    context = unitls.get_backend(name).client_context
    classes = context.provider.error_classes  # type: ignore[attr-defined]
    for ours, theirs in classes.items():
        assert issubclass(theirs, ours)
        assert issubclass(theirs, classes[unitls.TLSError])
        if issubclass(ours, unitls.ConnectionFault):
            assert issubclass(theirs, classes[unitls.ConnectionFault])
        error = theirs("text", **NEEDED.get(ours, {}))
        copy = pickle.loads(pickle.dumps(error))
        assert (type(copy), str(copy)) == (type(error), str(error))
