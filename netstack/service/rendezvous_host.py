"""Runs the mailbox server (`netstack.server.rendezvous`) over WebSocket: `ws://HOST:PORT/MAILBOX`, binary notes.

The page for browser guests lies beside the mailboxes, at `/guest`.
"""

import asyncio
import logging
import re
import ssl
from contextlib import suppress
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from netstack.errors import InputError
from netstack.model.address import Address, Family
from netstack.net.socket_errors import net_error
from netstack.server.rate import SourceRate
from netstack.server.rendezvous import MAX_NOTE_BYTES, Close, RendezvousServer
from netstack.service import guest_page
from netstack.tasks import TaskScope

MAX_CONNECTIONS = 8192
QUEUE = 64
PING_S = 20.0
OPEN_S = 5.0
PAGES_PER_NETWORK_S, PAGES_IN_ALL_S = 8.0, 200.0
_UNGUESSABLE: Final = re.compile(r"/[0-9a-f]{32}")

# The library would log the address of everybody who connects.
_silent = logging.getLogger("peerscope.rendezvous.silent")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False
_silent.setLevel(logging.CRITICAL + 1)


class RendezvousHost:
    """One listening server. A browser's page reaches only mailboxes that nobody can guess, and from a foreign site none.

    `only` restricts it to one mailbox, that of `inviter`'s guest.
    """

    def __init__(
        self, local: Address, *, tls: ssl.SSLContext | None = None, only: str = "", inviter: str = ""
    ) -> None:
        self.machine = RendezvousServer()
        self._local = local
        self._tls = tls
        self._only = only
        self._inviter = inviter
        self._pages = SourceRate(PAGES_PER_NETWORK_S, PAGES_IN_ALL_S)
        self._server: Server | None = None
        self._queues: dict[int, asyncio.Queue[bytes | Close]] = {}
        self._next = 0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskScope("rendezvous")

    @property
    def local(self) -> Address:
        """The bound address."""
        return self._local

    @property
    def families(self) -> frozenset[Family]:
        """Where it listens; an empty host means both, where the computer has both."""
        sockets = () if self._server is None else self._server.sockets
        return frozenset(Address(*each.getsockname()[:2]).family for each in sockets)

    @property
    def url(self) -> str:
        """How clients name it (`--via`)."""
        return f"{'wss' if self._tls else 'ws'}://{self._local}"

    async def open(self) -> None:
        """Binds and serves. Raises NetError."""
        try:
            self._server = await serve(
                self._serve,
                self._local.host,
                self._local.port,
                ssl=self._tls,
                process_request=self._look_at,
                compression=None,
                max_size=MAX_NOTE_BYTES,
                max_queue=4,
                open_timeout=OPEN_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=1.0,
                server_header=None,
                logger=_silent,
            )
        except OSError as error:
            raise net_error(error, str(self._local)) from error
        self._local = Address(*next(iter(self._server.sockets)).getsockname()[:2])

    async def close(self) -> None:
        """Sends everybody away. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
        await self._tasks.close()

    def _look_at(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the WebSocket through; anything else is a page or a refusal."""
        path = request.path.partition("?")[0]
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return self._page(connection, request, path)
        mailbox = "/" + path.rpartition("/")[2]
        if self._only and mailbox != f"/{self._only}":
            return connection.respond(HTTPStatus.NOT_FOUND, "There is no such mailbox.\n")
        if not self._welcome(request.headers, mailbox):
            return connection.respond(HTTPStatus.FORBIDDEN, "Pages of other sites are not served.\n")
        return None

    @staticmethod
    def _welcome(headers: Headers, mailbox: str) -> bool:
        """Programs are; a page is that came from here or from a file, where it knows a name that cannot be guessed."""
        origins = headers.get_all("Origin")
        if not origins:
            return True
        ours = {f"{scheme}://{host}" for scheme in ("http", "https") for host in headers.get_all("Host")}
        known = len(origins) == 1 and (origins[0] == "null" or origins[0] in ours)
        return known and _UNGUESSABLE.fullmatch(mailbox) is not None

    def _page(self, connection: ServerConnection, request: Request, path: str) -> Response:
        if path.rstrip("/") != guest_page.PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "Mailboxes are here, and /guest.\n")
        if not self._pages.allow(str(connection.remote_address[0]), _now()):
            return connection.respond(HTTPStatus.TOO_MANY_REQUESTS, "Too many pages a second.\n")
        hosts = request.headers.get_all("Host")
        asked = hosts[0] if len(hosts) == 1 else ""
        body = guest_page.page(host=self._inviter, connect=guest_page.sources(asked))
        headers = Headers(guest_page.headers(asked))
        headers["Content-Length"] = str(len(body))
        headers["Connection"] = "close"
        return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, body)

    async def _serve(self, connection: ServerConnection) -> None:
        if len(self._queues) >= MAX_CONNECTIONS:
            await connection.close(1013, "the server is full")
            return
        client, self._next = self._next, self._next + 1
        queue = self._queues[client] = asyncio.Queue(QUEUE)
        host = str(connection.remote_address[0])
        name = (connection.request.path if connection.request else "").partition("?")[0].rpartition("/")[2]
        writer = self._tasks.start(self._write(connection, queue), f"write to {client}")
        try:
            self.machine.opened(client, name, host, _now())
            self._pump()
            with suppress(ConnectionClosed):
                async for note in connection:
                    if isinstance(note, str):
                        await connection.close(1003, "notes are binary")
                        break
                    self.machine.received(client, note, host, _now())
                    self._pump()
        finally:
            writer.cancel()
            del self._queues[client]
            self.machine.closed(client)
            self._pump()

    async def _write(self, connection: ServerConnection, queue: "asyncio.Queue[bytes | Close]") -> None:
        with suppress(ConnectionClosed):
            while True:
                action = await queue.get()
                if isinstance(action, Close):
                    await connection.close(action.code, action.reason)
                    return
                await connection.send(action)

    def _pump(self) -> None:
        """Hands out what the machine wants; a client that does not read loses notes, and only its own."""
        while (action := self.machine.poll_action()) is not None:
            queue = self._queues.get(action.client)
            if queue is None:
                continue
            if queue.full():
                self.machine.dropped += 1
                if not isinstance(action, Close):
                    continue
                queue.get_nowait()
            queue.put_nowait(action if isinstance(action, Close) else action.note)
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.machine.deadline()
        if due is not None and self._server is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self.machine.handle_timeout(_now())
        self._pump()


def _now() -> float:
    return asyncio.get_running_loop().time()


def parse_listen(text: str) -> Address:
    """`HOST:PORT` or `[HOST]:PORT`. Raises InputError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 <= int(port) <= 65_535 or not host:
        raise InputError(InputError.Reason.USAGE, f"{text!r} is not HOST:PORT")
    return Address(host.strip("[]"), int(port))
