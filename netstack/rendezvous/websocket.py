"""Notes by our own mailbox server (`peerscope serve --rendezvous`), over WebSocket."""

import logging
import ssl

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from netstack.core.rendezvous_uri import RendezvousUri
from netstack.errors import NetError
from netstack.model.meeting import Role, Way
from netstack.net.socket_errors import net_error
from netstack.rendezvous.driver import (
    Driver,
    DriverFailedError,
    DriverStoppedError,
    MailboxTakenError,
    Receive,
    first_of,
)
from netstack.wire.signal import MAX_BYTES

OPEN_S = 6.0
PING_S = 20.0
TAKEN, OVER, BAD_NAME = 4000, 4002, 4004  # the close codes of docs/wire.md 7.2 that end it
FINAL = {TAKEN, OVER, BAD_NAME}

_log = logging.getLogger("peerscope.rendezvous.client")
_log.setLevel(logging.WARNING)


class WebSocketDriver(Driver):
    """A way through one server. `tls` replaces the system's trust, for a server with a certificate of its own."""

    way = Way.WEBSOCKET

    def __init__(self, uri: RendezvousUri, *, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(str(uri))
        self._uri = uri
        self._tls = tls

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        tls = (self._tls or ssl.create_default_context()) if self._uri.tls else None
        connection: ClientConnection | None = None
        try:
            async with connect(
                f"{self._uri}/{mailbox}",
                ssl=tls,
                compression=None,
                max_size=MAX_BYTES,
                max_queue=16,
                open_timeout=OPEN_S,
                ping_interval=PING_S,
                ping_timeout=PING_S,
                close_timeout=0.5,
                user_agent_header=None,
                proxy=None,
                logger=_log,
            ) as connection:
                self._ready("connected")
                await first_of(self._receive(connection, receive), self._write(connection))
        except InvalidStatus as error:
            raise DriverFailedError(
                f"The server answers with HTTP status {error.response.status_code}, not as a mailbox."
            ) from error
        except (InvalidHandshake, InvalidURI) as error:
            raise DriverFailedError("Something answers there that is no mailbox server.") from error
        except TimeoutError as error:
            raise DriverFailedError("The server did not answer in time.") from error
        except ConnectionClosed as error:
            raise _closed(error) from error
        except ssl.SSLError as error:
            raise DriverFailedError("The server's certificate is not to be trusted.") from error
        except OSError as error:
            raise DriverFailedError(net_error(error).sentence) from error
        except NetError as error:
            raise DriverFailedError(error.sentence) from error
        finally:
            # A cancellation in the middle of the closing handshake would leave the socket open.
            if connection is not None:
                connection.transport.abort()

    async def _receive(self, connection: ClientConnection, receive: Receive) -> None:
        while True:
            note = await connection.recv()
            if isinstance(note, bytes):
                self._take(note, receive)
            else:
                self._drop()

    async def _write(self, connection: ClientConnection) -> None:
        await self._send_all(connection.send)


def _closed(error: ConnectionClosed) -> Exception:
    received = error.rcvd
    if received is not None and received.code in FINAL:
        reason = "".join(mark for mark in received.reason if mark.isprintable())[:60]
        kind = MailboxTakenError if received.code == TAKEN else DriverStoppedError
        return kind(f"The server sent us away: {reason}.")
    return DriverFailedError("The server cut the connection.")
