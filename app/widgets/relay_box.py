"""One relay: its address, what lapses when, what went through it, and what can be done with it."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QProgressBar, QVBoxLayout, QWidget

from app.presenters.relay_card import Countdown, RelayCard
from app.widgets.buttons import Button
from app.widgets.text import Card, Columns, Text
from app.widgets.theme import Theme

STACK_BELOW = 720
BAR = 96
PEER = 260


class RelayCalls(NamedTuple):
    """What the buttons do, each with the relay's number; `let_in` also gets HOST or HOST:PORT."""

    release: Callable[[int], object]
    renew: Callable[[int], object]
    let_in: Callable[[int, str], object]


class RelayBox(Card):
    """Changed in place, so that nothing jumps while the seconds go by."""

    def __init__(self, theme: Theme, calls: RelayCalls) -> None:
        super().__init__(theme)
        unit = theme.measure.unit
        self._theme = theme
        self.relay_id = -1
        self._tone = ""
        self._title = Text(theme, strong=True)
        self._phase = Text(theme)
        self._subtitle = Text(theme, size="small", role="muted")
        self._renew = Button(
            theme,
            "Renew now",
            lambda: calls.renew(self.relay_id),
            hint="Asks the server for another lifetime, for each permission and channel too",
        )
        self._release = Button(
            theme,
            "Give back",
            lambda: calls.release(self.relay_id),
            hint="Gives the relay back to its server; one that has ended leaves the list",
        )
        head = QHBoxLayout()
        head.setSpacing(unit)
        head.addWidget(self._title)
        head.addWidget(self._phase)
        head.addStretch(1)
        head.addWidget(self._renew)
        head.addWidget(self._release)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addLayout(head)
        words.addWidget(self._subtitle)
        self.body.addLayout(words)
        self._problem = Text(theme, role="problem", wrap=True)
        self.body.addWidget(self._problem)

        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(2 * unit)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(0, 1)
        self._countdowns: list[tuple[Text, QProgressBar, Text]] = []
        self._peer = QLineEdit()
        self._peer.setPlaceholderText("203.0.113.7, or 203.0.113.7:4000 for a channel")
        self._peer.setAccessibleName("Let a peer in")
        self._peer.setMaxLength(80)
        self._peer.returnPressed.connect(lambda: self._let_in(calls))
        self._let = Button(
            theme, "Let in", lambda: self._let_in(calls), hint="Lets this address send to the relay"
        )
        entry = QHBoxLayout()
        entry.setSpacing(unit)
        entry.addWidget(self._peer, 1)
        entry.addWidget(self._let)
        self._entry = QWidget()
        entry.setContentsMargins(0, 0, 0, 0)
        self._entry.setLayout(entry)
        left = QVBoxLayout()
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(unit)
        left.addLayout(self._grid)
        left.addWidget(self._entry)
        left.addStretch(1)
        lives = QWidget()
        lives.setLayout(left)

        self._names, self._values = Text(theme, role="muted"), Text(theme)
        facts = QHBoxLayout()
        facts.setContentsMargins(0, 0, 0, 0)
        facts.setSpacing(2 * unit)
        facts.addWidget(self._names)
        facts.addWidget(self._values, 1)
        self._log = Text(theme, size="small", role="muted", wrap=True)
        right = QVBoxLayout()
        right.setContentsMargins(0, 0, 0, 0)
        right.addLayout(facts)
        right.addWidget(self._log)
        right.addStretch(1)
        told = QWidget()
        told.setLayout(right)
        self.body.addWidget(Columns(theme, ((lives, 3), (told, 2)), STACK_BELOW))
        theme.changed.connect(self._dress)

    def show_card(self, card: RelayCard) -> None:
        """Shows a relay."""
        self.relay_id = card.relay_id
        self.setAccessibleName(f"Relay {card.title}")
        self._title.setText(card.title)
        self._phase.setText(card.phase)
        self._subtitle.setText(card.subtitle)
        self._problem.setText(card.problem)
        self._problem.setVisible(bool(card.problem))
        while len(self._countdowns) < len(card.countdowns):
            self._countdowns.append(self._row(len(self._countdowns)))
        for number, row in enumerate(self._countdowns):
            for widget in row:
                widget.setVisible(number < len(card.countdowns))
        for row, countdown in zip(self._countdowns, card.countdowns, strict=False):
            self._count(row, countdown)
        self._entry.setVisible(card.alive)
        self._renew.setVisible(card.alive)
        self._release.setText("Give back" if card.open else "Dismiss")
        self._names.setText("\n".join(name for name, _ in card.facts))
        self._values.setText("\n".join(value for _, value in card.facts))
        self._log.setText("\n".join(card.log))
        self._log.setVisible(bool(card.log))
        if card.tone.value != self._tone:
            self._tone = card.tone.value
            self._dress()

    def _row(self, number: int) -> tuple[Text, QProgressBar, Text]:
        bar = QProgressBar()
        bar.setRange(0, 1000)
        bar.setTextVisible(False)
        bar.setFixedWidth(BAR)
        row = Text(self._theme), bar, Text(self._theme)
        for column, widget in enumerate(row):
            self._grid.addWidget(widget, number, column)
        return row

    @staticmethod
    def _count(row: tuple[Text, QProgressBar, Text], countdown: Countdown) -> None:
        name, bar, text = row
        name.setText(countdown.name)
        bar.setValue(round(1000 * (countdown.left or 0.0)))
        bar.setAccessibleName(f"{countdown.name}: {countdown.text}")
        text.setText(countdown.text)
        role = "problem" if countdown.bad else ""
        if text.property("role") != role:
            text.setProperty("role", role)
            text.style().polish(text)

    def _let_in(self, calls: RelayCalls) -> None:
        if text := self._peer.text().strip():
            calls.let_in(self.relay_id, text)
            self._peer.clear()
        else:
            self._peer.setFocus()

    def _dress(self) -> None:
        color = self._theme.color(self._tone if self._tone not in {"", "plain"} else "muted").name()
        self._phase.setStyleSheet(f"color: {color}")
