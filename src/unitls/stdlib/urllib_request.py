"""`urllib.request` over any backend: a handler for ``https`` URLs, and openers that have it."""

from __future__ import annotations

import urllib.request
from typing import Any
from urllib.request import AbstractHTTPHandler, BaseHandler, OpenerDirector
from urllib.request import HTTPHandler as HTTPHandler
from urllib.request import ProxyHandler as ProxyHandler
from urllib.request import Request as Request

from ..api._context import ClientContext
from ..api._errors import ConfigurationError
from ._upgrade import DEFAULT_TIMEOUT
from .http_client import HTTPSConnection, https_context

__all__ = ["HTTPHandler", "HTTPSHandler", "ProxyHandler", "Request", "build_opener", "install_opener", "urlopen"]

# The standard handler where there is one, so that ``urllib.request.build_opener`` takes ours in its place.
_Base: Any = getattr(urllib.request, "HTTPSHandler", AbstractHTTPHandler)


class HTTPSHandler(_Base):  # type: ignore[misc]
    """Opens ``https`` URLs with our `HTTPSConnection`.

    Args:
        debuglevel: as ``http.client``'s.
        context: how TLS is done; the default backend's context if none is given.
        check_hostname: the name is always checked, and `False` is refused.

    Raises:
        ConfigurationError: `context` is no client context, or offers a protocol other than HTTP/1 by ALPN; or
            `check_hostname` is off.
    """

    def __init__(
        self, debuglevel: int | None = None, context: ClientContext | None = None, check_hostname: bool | None = None
    ) -> None:
        if check_hostname is not None and not check_hostname:
            raise ConfigurationError(
                "the host's name is always checked; to trust a server whatever its certificate says, "
                "pass a context without validate_certificates"
            )
        # Not that of the standard handler, which would make a context of its own.
        AbstractHTTPHandler.__init__(self, *([] if debuglevel is None else [debuglevel]))
        self._context = https_context(context)

    def https_open(self, req: Request) -> Any:
        """Open `req`; called by the opener."""
        return self.do_open(HTTPSConnection, req, context=self._context)

    https_request = AbstractHTTPHandler.do_request_


def build_opener(*handlers: BaseHandler | type[BaseHandler], context: ClientContext | None = None) -> OpenerDirector:
    """Make an opener as ``urllib.request.build_opener`` does, with our handler for ``https``.

    Args:
        *handlers: further handlers, objects or classes.
        context: how TLS is done, unless there is an `HTTPSHandler` among `handlers`.
    """
    own = any(issubclass(item if isinstance(item, type) else type(item), HTTPSHandler) for item in handlers)
    if own and context is not None:
        raise ConfigurationError("give the context to the HTTPSHandler, or to build_opener, but not to both")
    return urllib.request.build_opener(*handlers, *([] if own else [HTTPSHandler(context=context)]))


_opener: OpenerDirector | None = None


def install_opener(opener: OpenerDirector | None) -> None:
    """Set the opener that `urlopen` uses when it is given no context.

    Args:
        opener: the new one; `None` for one that is made when it is needed.
    """
    global _opener
    _opener = opener


def urlopen(
    url: str | Request,
    data: Any = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    *,
    context: ClientContext | None = None,
) -> Any:
    """Open a URL, as ``urllib.request.urlopen``.

    Args:
        url: the URL, or a request for it.
        data: the body of a POST request.
        timeout: seconds for each step.
        context: how TLS is done for this URL, and for those it redirects to.

    Returns:
        The response, as there.

    Raises:
        urllib.error.URLError: as there. Where TLS failed, ``reason`` is our `ConnectionFault`.
    """
    global _opener
    if context is not None:
        return build_opener(context=context).open(url, data, timeout)
    if _opener is None:
        _opener = build_opener()
    return _opener.open(url, data, timeout)
