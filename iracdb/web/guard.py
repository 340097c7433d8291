"""Who is let in, and what a browser may do with what it gets.

A server on this machine can be reached by every page that its user's browser has open. So a
request must name a host that is ours, which a foreign name that was pointed at this machine does
not; nothing can be changed by any request; and pages may load and run nothing but what lies beside
them.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, quote, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")

COOKIE = "iracdb_token"
"""Holds the token once it was given in an address."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""What this machine is called by itself."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer says."""


@dataclass(frozen=True)
class Guard:
    """Whom a server lets in.

    Parameters
    ----------
    hosts : frozenset of str
        Names that a request may call the server by, lower case, without the port.
    token : str or None
        What a request must know; None where nobody else reaches the server.
    """

    hosts: frozenset[str]
    token: str | None = None


def is_loopback(host: str) -> bool:
    """Tell whether an address is of this machine alone.

    Parameters
    ----------
    host : str
        A name or an address.

    Returns
    -------
    bool
        False for a name that is not known to be.
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Guarded:
    """Lets a request through to the application, or says why not.

    Parameters
    ----------
    app : ASGI application
        What is behind.
    guard : Guard
        Whom to let in.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refused = self._refused(scope)
        await (refused or self._app)(scope, receive, send_with_headers)

    def _refused(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if _name(headers.get("host", "")) not in self._guard.hosts:
            return _plain(421, "This server is not called that: see 'iracdb serve --help'")
        if scope["method"] not in ("GET", "HEAD"):
            return _plain(405, "Nothing can be changed here", Allow="GET, HEAD")
        if self._guard.token is None or _same(_cookie(headers), self._guard.token):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = [value for name, value in query if name == "token"]
        if given and _same(given[-1], self._guard.token):
            return self._let_in(scope, [pair for pair in query if pair[0] != "token"])
        return _plain(401, "Open the address that 'iracdb serve' printed: it holds the token")

    def _let_in(self, scope: Scope, query: list[tuple[str, str]]) -> Response:
        """Keep the token in a cookie, and take it out of the address."""
        # Two strokes at the beginning, of either kind, would lead a browser to another host.
        path = "/" + quote(scope["path"].lstrip("/\\"))
        answer = RedirectResponse(f"{path}?{urlencode(query)}" if query else path, status_code=303)
        answer.set_cookie(COOKIE, self._guard.token or "", httponly=True, samesite="strict")
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _name(host: str) -> str:
    """Take the port off a Host header; '' where it is none as it should be."""
    found = _HOST.fullmatch(host)
    return found["name"].lower().removesuffix(".") if found else ""


def _cookie(headers: Headers) -> str:
    try:
        jar = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _plain(status: int, sentence: str, **headers: str) -> Response:
    return PlainTextResponse(
        f"{sentence}\n", status_code=status, headers={"Cache-Control": "no-store", **headers}
    )
