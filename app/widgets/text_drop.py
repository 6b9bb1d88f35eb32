"""Takes a text that is dropped on a widget or pasted into it, the text of a small file, or of a QR code in a picture."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDropEvent, QImage, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.widgets.qr_picture import text_of_picture, text_of_picture_file

MAX_FILE_BYTES = 4096


class TextDrop(QObject):
    """Watches `on` and what is in it that takes no drops itself, and what is pasted into `entry`, which takes texts itself.

    `taken` gets the text, `refused` why there is none.
    """

    def __init__(
        self,
        on: QWidget,
        entry: QLineEdit,
        taken: Callable[[str], object],
        refused: Callable[[str], object],
    ) -> None:
        super().__init__(on)
        self._entry = entry
        self._taken = taken
        self._refused = refused
        on.setAcceptDrops(True)
        on.installEventFilter(self)
        entry.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Handles drags and pasted pictures; everything else goes on."""
        if watched is self._entry:
            return isinstance(event, QKeyEvent) and self._pasted(event)
        if not isinstance(event, QDropEvent) or event.type() not in {QEvent.Type.DragEnter, QEvent.Type.Drop}:
            return False
        data = event.mimeData()
        if not data.hasUrls() and not data.hasText() and not data.hasImage():
            return False
        event.acceptProposedAction()
        if event.type() is QEvent.Type.Drop:
            self._take(data)
        return True

    def take_file(self, place: str) -> None:
        """What a file holds, as if it had been dropped."""
        path = Path(place)
        self._give(read_small_text(path) or text_of_picture_file(path), path.name)

    def _pasted(self, event: QKeyEvent) -> bool:
        if event.type() is not QEvent.Type.KeyPress or not event.matches(QKeySequence.StandardKey.Paste):
            return False
        data = QApplication.clipboard().mimeData()
        if data is None or (data.hasText() and not data.hasUrls()) or not (data.hasImage() or data.hasUrls()):
            return False
        self._take(data)
        return True

    def _take(self, data: QMimeData) -> None:
        place = next((url.toLocalFile() for url in data.urls() if url.isLocalFile()), "")
        if place:
            self.take_file(place)
        elif data.hasImage():
            self._give(text_of_picture(QImage(data.imageData())), "The picture")
        else:
            self._give(data.text(), "")

    def _give(self, text: str | None, name: str) -> None:
        if text is None:
            self._refused(f"{name} holds no invitation: neither a text nor a QR code was found in it.")
        else:
            self._taken(text)


def read_small_text(path: Path) -> str | None:
    """The text of a file of at most 4 KB; None when it is larger, unreadable or no text."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        return None if len(data) > MAX_FILE_BYTES else data.decode()
    except (OSError, UnicodeDecodeError):
        return None
