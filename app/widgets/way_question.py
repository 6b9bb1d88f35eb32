"""The question of the first invitation: how do you want to meet?"""

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout

from app.presenters.peer_ways import ChoiceView, WayChoice, chosen_ways, host_of
from app.widgets.buttons import Button
from app.widgets.choice_box import ChoiceBox
from app.widgets.text import Card, Text
from app.widgets.theme import Theme
from netstack.errors import PeerscopeError

INDENT = 26


class WayQuestion(Card):
    """`answered` gets the ways; `cancelled` is called when nobody wants to answer."""

    def __init__(
        self,
        theme: Theme,
        answered: Callable[[tuple[str, ...]], object],
        cancelled: Callable[[], object],
    ) -> None:
        super().__init__(theme, "How do you want to meet?")
        self._answered = answered
        self._asked: ChoiceView | None = None
        self.body.addWidget(
            Text(
                theme,
                "To find each other, the two of you leave sealed notes where both can read them. It is asked once.",
                role="muted",
                wrap=True,
            )
        )
        self._radios: dict[WayChoice, QRadioButton] = {}
        self.brokers = ChoiceBox(theme)
        self.brokers.setAccessibleName("Public broker")
        self.own = QLineEdit()
        self.own.setObjectName("own-server")
        self.own.setPlaceholderText("wss://meet.example.org or mqtts://broker.example.org")
        self.own.setAccessibleName("Your own server")
        self.own.setMaxLength(300)
        self.own.textEdited.connect(lambda: self._radios[WayChoice.OWN].setChecked(True))
        for answer, words, more, widget in (
            (
                WayChoice.BROKER,
                "Over the internet, with a public broker",
                "Somebody else runs it. It sees both addresses and sealed notes, nothing else.",
                self.brokers,
            ),
            (
                WayChoice.OWN,
                "Over the internet, with your own server",
                "Anybody can run one: peerscope serve --rendezvous HOST:PORT, or any MQTT broker.",
                self.own,
            ),
            (WayChoice.LAN, "Only in this network", "Nothing leaves it.", None),
            (
                WayChoice.BLE,
                "By Bluetooth, without any network",
                "You are near each other. What you say stays in the air between you; large files take their time.",
                None,
            ),
        ):
            radio = self._radios[answer] = QRadioButton(words)
            radio.setAccessibleDescription(more)
            self.body.addWidget(radio, 0, Qt.AlignmentFlag.AlignLeft)
            inner = QVBoxLayout()
            inner.setContentsMargins(INDENT, 0, 0, theme.measure.unit)
            inner.setSpacing(6)
            inner.addWidget(Text(theme, more, size="small", role="muted", wrap=True))
            if widget is not None:
                widget.setMaximumWidth(420)
                inner.addWidget(widget)
            self.body.addLayout(inner)
        self._problem = Text(theme, size="small", role="problem", wrap=True)
        self._problem.hide()
        self.body.addWidget(self._problem)
        self.use = Button(theme, "Use it", self._press, role="primary")
        self.use.setObjectName("use-way")
        row = QHBoxLayout()
        row.setSpacing(theme.measure.unit)
        row.addWidget(self.use)
        row.addWidget(Button(theme, "Not now", cancelled))
        row.addStretch(1)
        self.body.addLayout(row)
        self.own.returnPressed.connect(self._press)

    def ask(self, view: ChoiceView) -> None:
        """Shows the question with an answer marked."""
        self._asked = view
        self.brokers.clear()
        for broker in view.brokers:
            self.brokers.addItem(host_of(broker), broker)
        self.brokers.setCurrentIndex(max(0, self.brokers.findData(view.broker)))
        self.own.setText(view.own)
        self._radios[WayChoice.BROKER].setEnabled(bool(view.brokers))
        self._radios[view.chosen].setChecked(True)
        self._problem.hide()
        self._radios[view.chosen].setFocus(Qt.FocusReason.OtherFocusReason)

    def _press(self) -> None:
        answer = next(each for each, radio in self._radios.items() if radio.isChecked())
        try:
            ways = chosen_ways(answer, self.brokers.currentData() or "", self.own.text())
        except PeerscopeError as error:
            self._problem.setText(error.sentence)
            self._problem.show()
            self.own.setFocus()
            return
        self._problem.hide()
        self._answered(ways)
