"""Serving the pages: where, to whom, and until when."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Collection
from contextlib import closing, suppress

from iracdb.api import Catalogue
from iracdb.errors import CannotWrite, UsageError

HOST, PORT = "127.0.0.1", 8613


def serve(
    catalogue: Catalogue,
    *,
    host: str = HOST,
    port: int = PORT,
    hosts: Collection[str] = (),
    token: str | None = None,
    sql_role: str | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve a catalogue until it is interrupted.

    Parameters
    ----------
    catalogue : Catalogue
        Open.
    host : str, optional
        Address to listen at; another than this machine's own is reached from elsewhere, and then
        only with a token.
    port : int, optional
        0 for any that is free.
    hosts : collection of str, optional
        More names that the server is called by.
    token : str, optional
        What a request must know; by default a new one where others reach the server.
    sql_role : str, optional
        The role of PostgreSQL by which the SQL page reads.
    ready : callable, optional
        Told the address, the token in it, when it can be opened.

    Raises
    ------
    UsageError
        Where the extra ``web`` is not installed, or the address is none.
    CannotWrite
        Where the port is taken or not allowed.
    """
    try:
        import uvicorn

        from iracdb.web.app import application
        from iracdb.web.guard import LOOPBACK_NAMES, Guard, is_loopback
    except ModuleNotFoundError as problem:
        raise UsageError(
            f"Serving needs {problem.name}: pip install 'iracdb[web]'", code="extra-missing"
        ) from None
    at_home = is_loopback(host)
    if not at_home and token is None:
        token = secrets.token_urlsafe(24)
    shown = f"[{host}]" if ":" in host else host
    names = {shown.lower(), *LOOPBACK_NAMES, *(name.lower() for name in hosts)}
    with closing(_listening(host, port)) as listener:
        bound = listener.getsockname()[1]
        app = application(catalogue, Guard(frozenset(names), token), sql_role=sql_role)
        server = uvicorn.Server(
            uvicorn.Config(
                app, log_level="warning", access_log=False, server_header=False,
                proxy_headers=False, lifespan="off", timeout_graceful_shutdown=2,
            )
        )  # fmt: skip
        if ready is not None:
            ready(f"http://{shown}:{bound}/{f'?token={token}' if token else ''}")
        # Once it has shut down uvicorn passes Ctrl-C on; here it is how one ends serving.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    """Take the port before anything is told of it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError, OverflowError) as problem:
        raise UsageError(f"{host}:{port} is no address to listen at: {problem}") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(64)
    except OSError as problem:
        listener.close()
        raise CannotWrite(
            f"Cannot listen at {host}:{port}: {problem.strerror or problem} "
            "(another port with --port)"
        ) from None
    return listener
