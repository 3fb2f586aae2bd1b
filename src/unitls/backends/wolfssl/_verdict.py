"""The callback by which wolfSSL asks for our verdict on a peer's certificate.

wolfSSL's own store is empty, so its own answer is always that it does not know the issuer, and this has the last word.
"""

from __future__ import annotations

from typing import Any, Final

from ...api._alerts import AlertDescription
from ...api._errors import VerifyFailure as Failure
from ...core._foreign import guarded, keeping
from ...core._greeting import plaintext_alert
from ...core._leaf_check import Fault
from ._sessions import peer_chain
from .native import ffi, lib

_REFUSE: Final = 0
_ACCEPT: Final = 1
# What wolfSSL says when it knows no issuer: with its own numbers, or in builds that speak OpenSSL's language with those.
_NO_ISSUER: Final = frozenset({0, -188, -275, -150, -151, 20, 18, 13, 14})
_NONE: Final = Fault(Failure.OTHER, "there is no certificate, or none that can be read")
"""wolfSSL's own error says which, so it is left as it is."""
_INDEX: Final = lib.wolfSSL_get_ex_data_X509_STORE_CTX_idx()


def _connection(store: Any) -> Any:
    return ffi.cast("WOLFSSL *", lib.wolfSSL_X509_STORE_CTX_get_ex_data(store, _INDEX))


def _number(store: Any) -> int:
    raw = _connection(store)
    return lib.wolfSSL_get_app_data(raw) if raw else 0


@ffi.callback("VerifyCallback", error=_REFUSE, onerror=keeping(store=_number))  # type: ignore[untyped-decorator]
def judged(accepted: int, store: Any) -> int:
    """Accept or refuse."""
    return _judged(_number(store), accepted, store)


@guarded(_REFUSE)
def _judged(connection: Any, accepted: int, store: Any) -> int:
    return _ACCEPT if _fault(connection.owner, accepted, store) is None else _REFUSE


def _fault(engine: Any, accepted: int, store: Any) -> Fault | None:
    """The verdict on the leaf. For the certificates behind it wolfSSL is told to go on: they are judged with it."""
    if lib.wolfSSL_X509_STORE_CTX_get_error_depth(store) > 0:
        return None
    chain = _certificates(store)
    if not chain:  # with an empty store wolfSSL accepts nothing but a client that need not show a certificate
        return None if accepted and engine.may_be_anonymous else _NONE
    fault: Fault | None = engine.judge(chain)
    code = lib.wolfSSL_X509_STORE_CTX_get_error(store)
    if fault is None and engine.verifies and code not in _NO_ISSUER:
        return engine.refuse(Fault(Failure.INVALID, f"wolfSSL does not take the certificate ({code})"))  # type: ignore[no-any-return]
    return fault


class RightAlert:
    """Stands in front of the outgoing buffer once a certificate is refused, and puts the right alert in the place of wolfSSL's.

    wolfSSL always says ``unknown_ca``. It can be replaced where it is in the clear, which it is up to TLS 1.2.

    Args:
        outgoing: the connection's buffer.
        alert: the right one.
    """

    __slots__ = ("_alert", "_outgoing")

    def __init__(self, outgoing: Any, alert: AlertDescription) -> None:
        self._outgoing = outgoing
        self._alert = plaintext_alert(alert)

    def write(self, data: Any) -> int:
        """Put bytes in: a record, or several."""
        octets = bytes(data)
        is_alert = len(octets) == len(self._alert) and octets.startswith(self._alert[:1])
        return self._outgoing.write(self._alert if is_alert else octets)  # type: ignore[no-any-return]


def _certificates(store: Any) -> list[bytes]:
    """What the peer has sent, its own certificate first; empty if that cannot be told.

    Which end of the list comes first depends on the version, and a chain with an Ed25519 certificate in it is not handed over
    at all. The chain that wolfSSL keeps with the session leaves out large certificates. So whatever is taken has to
    begin with the certificate whose key the peer has.
    """
    own = _der(lib.wolfSSL_X509_STORE_CTX_get_current_cert(store))
    stack = lib.wolfSSL_X509_STORE_GetCerts(store)
    if not stack:
        found = peer_chain(_connection(store))
    else:
        found = [_der(lib.wolfSSL_sk_X509_value(stack, index)) for index in range(lib.wolfSSL_sk_X509_num(stack))]
        lib.wolfSSL_sk_X509_pop_free(stack, ffi.NULL)
        found = found if found[:1] == [own] else found[::-1]
    return found if own and found[:1] == [own] else []


def _der(certificate: Any) -> bytes:
    size = ffi.new("int *")
    der = lib.wolfSSL_X509_get_der(certificate, size) if certificate else ffi.NULL
    return bytes(ffi.buffer(der, size[0])) if der else b""
