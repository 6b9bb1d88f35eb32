"""Takes a text that is dropped on a widget, or the text of a small file."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

MAX_FILE_BYTES = 4096


class TextDrop(QObject):
    """Watches `on` and what is in it that takes no drops itself; `taken` gets the text, `refused` why there is none."""

    def __init__(self, on: QWidget, taken: Callable[[str], object], refused: Callable[[str], object]) -> None:
        super().__init__(on)
        self._taken = taken
        self._refused = refused
        on.setAcceptDrops(True)
        on.installEventFilter(self)

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Handles drags; everything else goes on."""
        if not isinstance(event, QDropEvent) or event.type() not in {QEvent.Type.DragEnter, QEvent.Type.Drop}:
            return False
        data = event.mimeData()
        if not data.hasUrls() and not data.hasText():
            return False
        event.acceptProposedAction()
        if event.type() is QEvent.Type.Drop:
            self._drop(data)
        return True

    def _drop(self, data: QMimeData) -> None:
        place = next((url.toLocalFile() for url in data.urls() if url.isLocalFile()), "")
        if not place:
            self._taken(data.text())
            return
        text = read_small_text(Path(place))
        if text is None:
            self._refused(f"{Path(place).name} holds no invitation.")
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
