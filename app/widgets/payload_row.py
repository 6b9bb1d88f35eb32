"""Sends bytes to be measured: how many, of which pattern, how they travel, and whether they come back."""

from collections.abc import Callable, Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QLabel, QWidget

from app.presenters.peer_payload import MODES, PATTERNS, PRIORITIES, SIZES, parse_size
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.flow import FlowLayout
from app.widgets.text import Text
from app.widgets.theme import Theme
from netstack.model.chat import Payload


class PayloadRow(QWidget):
    """`send` gets the payload."""

    def __init__(self, theme: Theme, send: Callable[[Payload], object]) -> None:
        super().__init__()
        self._theme = theme
        self._send = send
        self.size_box: QComboBox = ChoiceBox(theme)
        self.size_box.setEditable(True)
        self.size_box.addItems(SIZES)
        self.size_box.setCurrentText("64 kB")
        self._pattern = self._box(PATTERNS.values(), "Pattern")
        self._mode = self._box(MODES.values(), "Delivery")
        self._priority = self._box(PRIORITIES.values(), "Priority")
        self._priority.setCurrentIndex(1)
        self._echo = self._box(("and back", "one way"), "Way back")
        self._echo.setToolTip("The other side sends the same bytes back, and the round trip is measured")
        self._button = Button(theme, "Send bytes", self._press)
        self._problem = Text(theme, size="small", role="problem")
        self._problem.hide()
        self.size_box.setAccessibleName("Size")
        self.size_box.editTextChanged.connect(self._forget_problem)
        flow = FlowLayout(self, theme.measure.unit)
        for label, widget in (
            ("Send", self.size_box),
            ("of", self._pattern),
            ("", self._mode),
            ("", self._priority),
            ("", self._echo),
            ("", self._button),
            ("", self._problem),
        ):
            if label:
                words = QLabel(label)
                words.setAlignment(Qt.AlignmentFlag.AlignVCenter)
                words.setMinimumHeight(34)
                flow.addWidget(words)
            flow.addWidget(widget)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at."""
        return [self.size_box, self._pattern, self._mode, self._priority, self._echo, self._button]

    def _box(self, items: Iterable[str], name: str) -> QComboBox:
        box = ChoiceBox(self._theme)
        box.addItems(list(items))
        box.setAccessibleName(name)
        return box

    def _forget_problem(self) -> None:
        self._problem.hide()

    def _press(self) -> None:
        count = parse_size(self.size_box.currentText())
        if count is None:
            self._problem.setText("A size, such as 1.5 MB; at most 1 GiB.")
            self._problem.show()
            return
        self._send(
            Payload(
                count,
                tuple(PATTERNS)[self._pattern.currentIndex()],
                tuple(PRIORITIES)[self._priority.currentIndex()],
                tuple(MODES)[self._mode.currentIndex()],
                self._echo.currentIndex() == 0,
            )
        )
