"""What a pairing asks, in a dialog of ours: agree, compare, type or read six digits."""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.presenters.bluetooth import QuestionView, answer_problem
from app.widgets.buttons import Button
from app.widgets.text import Text
from app.widgets.theme import Theme
from netstack.model.ble import QuestionKind

WIDTH = 420


class PairingDialog(QDialog):
    """Shown by `show()`: it waits in nobody's way, so that the window can be closed. `answered` gets the question's number and what was said: a passkey, yes or no.

    However it is closed, there is one answer.
    """

    def __init__(
        self,
        theme: Theme,
        view: QuestionView,
        answered: Callable[[int, int | bool], object],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.view = view
        self._answered = answered
        self._answer: int | bool | None = None
        unit = theme.measure.unit
        self.setWindowTitle("Pairing")
        self.setAccessibleName(view.headline)
        self.setProperty("role", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedWidth(WIDTH)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(3 * unit, 3 * unit, 3 * unit, 2 * unit)
        whole.setSpacing(2 * unit)
        whole.addWidget(Text(theme, view.headline, strong=True, wrap=True))
        self._text = Text(theme, view.text, role="muted", wrap=True)
        whole.addWidget(self._text)
        if view.digits:
            digits = Text(theme, view.digits, size="headline", strong=True)
            digits.setObjectName("digits")
            digits.setAlignment(Qt.AlignmentFlag.AlignCenter)
            digits.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            digits.setAccessibleName(f"Digits {view.digits}")
            whole.addWidget(digits)
        self.entry: QLineEdit | None = None
        self._problem = Text(theme, size="small", role="problem")
        self._problem.hide()
        if view.kind is QuestionKind.ENTER:
            self.entry = QLineEdit()
            self.entry.setObjectName("passkey")
            self.entry.setAccessibleName("Six digits")
            self.entry.setMaxLength(7)
            self.entry.setValidator(QRegularExpressionValidator(r"[0-9 ]{0,7}", self))
            self.entry.setFont(theme.font("headline"))
            self.entry.setAlignment(Qt.AlignmentFlag.AlignCenter)
            self.entry.returnPressed.connect(self._agree)
            whole.addWidget(self.entry)
            whole.addWidget(self._problem)
        row = QHBoxLayout()
        row.setSpacing(unit)
        row.addStretch(1)
        self.refuse = Button(theme, "Refuse" if view.agree else "Cancel", self.reject)
        row.addWidget(self.refuse)
        self.agree: Button | None = None
        if view.agree:
            self.agree = Button(theme, view.agree, self._agree, role="primary")
            row.addWidget(self.agree)
        whole.addLayout(row)
        self.finished.connect(self._tell)

    def show_view(self, view: QuestionView) -> None:
        """What is told may change while the question stays."""
        self.view = view
        self._text.setText(view.text)

    def withdraw(self) -> None:
        """The question is over: closes without an answer."""
        self._answer = None
        self.finished.disconnect(self._tell)
        self.close()

    def reject(self) -> None:
        """Escape, the button, and the window's own way out."""
        self._answer = False
        super().reject()

    def _agree(self) -> None:
        if self.entry is None:
            self._answer = True
        else:
            text = "".join(self.entry.text().split())
            problem = answer_problem(text) if text else "Type the digits first."
            if problem:
                self._problem.setText(problem)
                self._problem.show()
                self.entry.setFocus()
                return
            self._answer = int(text)
        self.accept()

    def _tell(self) -> None:
        self._answered(self.view.number, False if self._answer is None else self._answer)
