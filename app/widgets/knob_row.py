"""One property of a link: a slider for the hand, a field for who knows the number."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSlider, QVBoxLayout, QWidget

from app.presenters.lab_knobs import STEPS, Knob, Turned
from app.widgets.text import Text
from app.widgets.theme import Theme

FIELD = 108


class KnobRow(QWidget):
    """`moved(field, value)`: at once, while the slider moves, or when a number was typed."""

    moved = Signal(str, object)

    def __init__(self, theme: Theme, knob: Knob) -> None:
        super().__init__()
        self._knob = knob
        self.setToolTip(knob.hint)
        label = Text(theme, knob.label, size="small", role="muted")
        self._field = QLineEdit()
        self._field.setFixedWidth(FIELD)
        self._field.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._field.setAccessibleName(f"{knob.label}, typed")
        self._field.setAccessibleDescription(knob.hint)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, STEPS)
        self._slider.setPageStep(10)
        self._slider.setAccessibleName(knob.label)
        self._slider.setAccessibleDescription(knob.hint)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.hide()
        top = QHBoxLayout()
        top.addWidget(label, 1)
        top.addWidget(self._field)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(2)
        whole.addLayout(top)
        whole.addWidget(self._slider)
        whole.addWidget(self._problem)
        self._slider.valueChanged.connect(self._slid)
        self._field.editingFinished.connect(self._typed)
        self._field.textEdited.connect(lambda _: self._problem.hide())

    @property
    def field(self) -> str:
        """The property's name in the stack."""
        return self._knob.field

    def show_turned(self, turned: Turned) -> None:
        """Shows how it stands, unless a hand is on it."""
        if not self._slider.isSliderDown() and self._slider.value() != turned.position:
            self._slider.blockSignals(True)
            self._slider.setValue(turned.position)
            self._slider.blockSignals(False)
        if not self._field.isModified() and self._field.text() != turned.text:
            self._field.setText(turned.text)

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key stops at."""
        return [self._slider, self._field]

    def forget(self) -> None:
        """Drops what was typed and not taken: something else is selected."""
        self._field.setModified(False)
        self._problem.hide()

    def _slid(self, position: int) -> None:
        value = self._knob.value(position)
        self.forget()
        self._field.setText(self._knob.text(value))
        self.moved.emit(self._knob.field, value)

    def _typed(self) -> None:
        if not self._field.isModified():
            return
        try:
            value = self._knob.parse(self._field.text())
        except ValueError as error:
            self._problem.setText(str(error))
            self._problem.show()
            return
        self.forget()
        self._field.setText(self._knob.text(value))
        self.moved.emit(self._knob.field, value)
