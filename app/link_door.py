"""A link that is clicked while the window is open goes to that window, which only fills in the form."""

import hashlib
from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtNetwork import QLocalServer, QLocalSocket

from netstack.config import user_config_path

MAX_LINK_BYTES = 512
PATIENCE_MS = 1000
TAKEN = b"taken\n"


def door_name() -> str:
    """One for each user and home."""
    home = hashlib.sha256(str(user_config_path()).encode()).hexdigest()
    return f"peerscope-{home[:16]}"


def hand_over(link: str, name: str) -> bool:
    """Gives a link to the window that is open; false where none is, or it does not answer."""
    socket = QLocalSocket()
    socket.connectToServer(name)
    if not socket.waitForConnected(PATIENCE_MS):
        return False
    socket.write(link.encode()[:MAX_LINK_BYTES] + b"\n")
    taken = socket.waitForBytesWritten(PATIENCE_MS) and socket.waitForReadyRead(PATIENCE_MS)
    answer = bytes(socket.readAll().data()) if taken else b""
    socket.abort()
    return answer == TAKEN


class LinkDoor(QObject):
    """Listens for this user's links while it lives; `opened` gets each. Where another window listens already, it does not."""

    def __init__(self, name: str, opened: Callable[[str], None]) -> None:
        super().__init__()
        self._opened = opened
        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._answer)
        probe = QLocalSocket()
        probe.connectToServer(name)
        if not probe.waitForConnected(PATIENCE_MS):  # nobody is there: what lies there was left by a crash
            QLocalServer.removeServer(name)
            self._server.listen(name)
        probe.abort()

    @property
    def listening(self) -> bool:
        """Links come here."""
        return self._server.isListening()

    def close(self) -> None:
        """Listens no more."""
        self._server.close()

    def _answer(self) -> None:
        while (socket := self._server.nextPendingConnection()) is not None:
            socket.readyRead.connect(lambda socket=socket: self._read(socket))
            socket.disconnected.connect(socket.deleteLater)
            if socket.bytesAvailable():
                self._read(socket)

    def _read(self, socket: QLocalSocket) -> None:
        if not socket.canReadLine():
            if socket.bytesAvailable() > MAX_LINK_BYTES:
                socket.abort()
            return
        line = bytes(socket.readLine(MAX_LINK_BYTES + 1).data())
        socket.write(TAKEN)
        socket.flush()
        socket.disconnectFromServer()
        self._opened(line.decode("utf-8", "replace").strip())
