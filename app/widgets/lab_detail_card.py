"""What is selected in the lab: what it is, how its link is, and the hands to lay on it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from app.presenters.lab_detail import DetailView, Row
from app.presenters.lab_knobs import KNOBS
from app.presenters.tone import Tone
from app.widgets.knob_row import KnobRow
from app.widgets.text import Card, Text
from app.widgets.theme import Theme

ICON = 28
SMALL = 16


class LabDetailCard(Card):
    """Shows one `DetailView`; its signals carry the name of the link or router that is meant."""

    turned = Signal(str, str, object)
    reset = Signal(str)
    cut = Signal(str, bool)
    rebooted = Signal(str)

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self._theme = theme
        self._view = DetailView()
        self.setAccessibleName("Selected")
        unit = theme.measure.unit
        self._icon = QLabel()
        self._icon.setFixedSize(ICON, ICON)
        self._title = Text(theme, strong=True, wrap=True)
        self._title.setObjectName("selected")
        self._word = Text(theme, strong=True)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._title)
        words.addWidget(self._word)
        top = QHBoxLayout()
        top.setSpacing(unit + 2)
        top.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        top.addLayout(words, 1)
        self._plain = Text(theme, wrap=True)
        self._term = Text(theme, size="small", role="muted", wrap=True)
        self._term.setToolTip("Mapping and filtering behaviour in the words of RFC 4787")
        self._rows = RowTable(theme)
        self._reboot = self._button(" Reboot", "reboot")
        self._reboot.setToolTip("Turn it off and on: it forgets every mapping")
        self._reboot.clicked.connect(lambda: self.rebooted.emit(self._view.router))
        self._link_part = QWidget()
        link = QVBoxLayout(self._link_part)
        link.setContentsMargins(0, 0, 0, 0)
        link.setSpacing(unit)
        line = QFrame()
        line.setProperty("role", "rule")
        self._line = line
        self._link_title = Text(theme, strong=True, wrap=True)
        self._cut = self._button(" Cut", "cut")
        self._cut.clicked.connect(lambda: self.cut.emit(self._view.link, not self._view.cut))
        self._reset = self._button(" Undo", "undo")
        self._reset.setToolTip("Make this link what the scenario made it")
        self._reset.clicked.connect(lambda: self.reset.emit(self._view.link))
        buttons = QHBoxLayout()
        buttons.setSpacing(unit)
        buttons.addWidget(self._cut, 1)
        buttons.addWidget(self._reset, 1)
        self._knobs = [KnobRow(theme, knob) for knob in KNOBS]
        self._link_rows = RowTable(theme)
        link.addWidget(line)
        link.addWidget(self._link_title)
        for knob in self._knobs:
            knob.moved.connect(lambda field, value: self.turned.emit(self._view.link, field, value))
            link.addWidget(knob)
        link.addLayout(buttons)
        link.addWidget(self._link_rows)
        self.body.addLayout(top)
        for widget in (self._plain, self._term, self._rows, self._reboot, self._link_part):
            self.body.addWidget(widget)
        self.body.addStretch(1)
        theme.changed.connect(self._dress)
        self._dress()

    def show_view(self, view: DetailView, *, hold_knobs: bool = False) -> None:
        """Shows what is selected; `hold_knobs`: a hand moves them, and the news may be old."""
        if view.link != self._view.link:
            hold_knobs = False
            for knob in self._knobs:
                knob.forget()
        if not hold_knobs:
            turned = {each.field: each for each in view.knobs}
            for knob in self._knobs:
                knob.setVisible(knob.field in turned)
                if knob.field in turned:
                    knob.show_turned(turned[knob.field])
        if view == self._view:
            return
        self._view = view
        self._title.setText(view.title)
        for label, text in ((self._word, view.word), (self._plain, view.plain), (self._term, view.term)):
            label.setText(text)
            label.setVisible(bool(text))
        self._rows.show_rows(view.rows)
        self._reboot.setVisible(bool(view.router))
        self._reboot.setAccessibleName(f"Reboot {view.title}")
        self._link_part.setVisible(bool(view.link))
        self._link_title.setText(view.link_title)
        self._link_title.setVisible(bool(view.link_title))
        self._line.setVisible(bool(view.link_title))
        self._link_rows.show_rows(view.link_rows)
        self._reset.setEnabled(view.changed)
        self._dress()

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key stops at, in the order of reading."""
        return [
            self._reboot,
            *(part for knob in self._knobs for part in knob.focus_chain()),
            self._cut,
            self._reset,
        ]

    def _button(self, text: str, icon: str) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text.strip())
        button.setAutoDefault(False)
        button.setIconSize(QSize(SMALL, SMALL))
        button.setProperty("icon_name", icon)
        return button

    def _dress(self) -> None:
        view = self._view
        ink = "text" if view.tone is Tone.PLAIN else str(view.tone)
        self._icon.setPixmap(self._theme.pixmap(view.icon, ink, ICON))
        self._word.setStyleSheet(f"color: {self._theme.color(ink).name()}")
        self._cut.setText(" Mend" if view.cut else " Cut")
        self._cut.setAccessibleName("Mend the link" if view.cut else "Cut the link")
        self._cut.setToolTip(
            "Let packets through again" if view.cut else "Let nothing through, as if unplugged"
        )
        self._cut.setProperty("icon_name", "link" if view.cut else "cut")
        for button in (self._reboot, self._cut, self._reset):
            button.setIcon(self._theme.icon(button.property("icon_name"), size=SMALL))
        self._line.setStyleSheet(
            f"background: {self._theme.color('line').name()}; max-height: 1px; border: none;"
        )


class RowTable(QWidget):
    """Labels on the left, values on the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._labels: list[tuple[Text, Text]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)

    def show_rows(self, rows: tuple[Row, ...]) -> None:
        """Shows the rows; labels are made once and kept."""
        while len(self._labels) < len(rows):
            label, value = (
                Text(self._theme, size="small", role="muted"),
                Text(self._theme, size="small", wrap=True),
            )
            value.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._grid.addWidget(label, len(self._labels), 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(value, len(self._labels), 1)
            self._labels.append((label, value))
        for index, (label, value) in enumerate(self._labels):
            seen = index < len(rows)
            if seen:
                label.setText(rows[index].label)
                value.setText(rows[index].value)
                for part in (label, value):
                    part.setToolTip(rows[index].hint)
            label.setVisible(seen)
            value.setVisible(seen)
        self.setVisible(bool(rows))
