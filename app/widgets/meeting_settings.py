"""What holds for every meeting, in a row that wraps: our name, what peers may see, what the router may do, and where to meet."""

from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.presenters.peers import PeersView
from app.widgets.buttons import Button
from app.widgets.flow import FlowLayout
from app.widgets.own_server import OwnServerDialog
from app.widgets.text import Text
from app.widgets.theme import Theme

MAX_NAME = 40
MAILBOXES = (
    "While this window is open, two may find each other at this computer: nobody else's server is needed.\n"
    "Links and QR codes name it. From the internet it is reached where your router lets the port in."
)
HIDE = (
    "Only a relay sees it: peers get no address of this computer, and nothing is said in the local network.\n"
    "It needs a relay (TURN), and takes longer ways. Who carries your notes sees the address."
)
PORTS = (
    "By UPnP, NAT-PMP or PCP, for the time of a talk: the surest way to a direct connection.\n"
    "Only the port that this program holds; it is closed at the end, and forgotten by the router within an hour."
)


class SettingsCalls(NamedTuple):
    """What is done with a change: our `name`, whether to `hide`, whether to `open_ports`, whether to keep
    `mailboxes`, whether a network is `metered`; `ways` asks how to meet.
    """

    name: Callable[[str], object]
    hide: Callable[[bool], object]
    open_ports: Callable[[bool], object]
    mailboxes: Callable[[bool], object]
    ways: Callable[[], object]
    metered: Callable[[str, bool], object]


class MeetingSettings(QWidget):
    """`show_view` says how things stand; what somebody is just changing is left alone."""

    def __init__(self, theme: Theme, calls: SettingsCalls) -> None:
        super().__init__()
        unit = theme.measure.unit
        self._calls = calls
        self._known = self._address = ""
        self._network = ""
        self.name = QLineEdit()
        self.name.setObjectName("own-name")
        self.name.setMaxLength(MAX_NAME)
        self.name.setFixedWidth(180)
        self.name.setAccessibleName("The name that others see")
        self.name.editingFinished.connect(self._rename)
        self.ports = QCheckBox("Open a port on my router")
        self.ports.setObjectName("open-ports")
        self.ports.setToolTip(PORTS)
        self.ports.toggled.connect(calls.open_ports)
        self.hide_address = QCheckBox("Hide my address")
        self.hide_address.setObjectName("hide-address")
        self.hide_address.setToolTip(HIDE)
        self.hide_address.toggled.connect(calls.hide)
        self.metered = QCheckBox()
        self.metered.setObjectName("metered")
        self.metered.clicked.connect(self._tell_cost)
        self.mailboxes = QCheckBox("Keep the mailboxes here")
        self.mailboxes.setObjectName("mailboxes")
        self.mailboxes.setToolTip(MAILBOXES)
        self.mailboxes.toggled.connect(calls.mailboxes)
        self._kept = Text(theme, size="small", role="muted", wrap=True)
        self._copy_kept = Button(
            theme, "Copy address", self._copy, role="link", hint="For the other side's “your own server”"
        )
        self._ways = Text(theme, size="small", role="muted")
        self._change = Button(theme, "Change", calls.ways, role="link", hint="Choose another way to meet")
        own = Button(
            theme,
            "Run your own server…",
            lambda: OwnServerDialog(theme, self).show(),
            role="link",
            hint="Mailboxes, STUN and a relay, for an evening or for good",
        )
        row = QWidget()
        policy = row.sizePolicy()
        policy.setHeightForWidth(True)
        policy.setVerticalPolicy(QSizePolicy.Policy.Preferred)
        row.setSizePolicy(policy)
        flow = FlowLayout(row, unit)
        flow.addWidget(_group(unit, Text(theme, "Others see you as", size="small", role="muted"), self.name))
        flow.addWidget(self.ports)
        flow.addWidget(self.hide_address)
        flow.addWidget(self.mailboxes)
        flow.addWidget(self.metered)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(2 * unit, 0, 2 * unit, 0)
        whole.setSpacing(4)
        whole.addWidget(row)
        self._keeping = QWidget()
        kept = QHBoxLayout(self._keeping)
        kept.setContentsMargins(0, 0, 0, 0)
        kept.setSpacing(unit)
        kept.addWidget(self._kept, 1)
        kept.addWidget(self._copy_kept)
        whole.addWidget(self._keeping)
        whole.addWidget(_group(unit, self._ways, self._change, own), 0, Qt.AlignmentFlag.AlignLeft)

    def show_view(self, view: PeersView, *, changing: bool) -> None:
        """`changing`: a switch has been pressed and is not known to hold yet."""
        self._known = view.name
        if not self.name.hasFocus() and self.name.text() != view.name:
            self.name.setText(view.name)
        for box, wanted in (
            (self.hide_address, view.hidden),
            (self.ports, view.open_ports),
            (self.mailboxes, bool(view.mailboxes)),
        ):
            if box.isChecked() != wanted and not changing:
                box.blockSignals(True)
                box.setChecked(wanted)
                box.blockSignals(False)
        self.ports.setEnabled(not view.hidden)
        self.mailboxes.setEnabled(not view.hidden)
        self.mailboxes.setVisible(not view.partner)
        self._address = view.mailbox_address
        self._kept.setText(view.mailboxes)
        self._keeping.setVisible(bool(view.mailboxes))
        self._network = view.cost.network
        self.metered.setVisible(bool(self._network))
        self.metered.setText(view.cost.label)
        self.metered.setToolTip(view.cost.hint)
        self.metered.setEnabled(not view.cost.fixed)
        if not changing:
            self.metered.setChecked(view.cost.metered)
        self._ways.setText(view.ways)
        self._ways.setVisible(bool(view.ways))
        self._change.setVisible(bool(view.ways))

    def _tell_cost(self, metered: bool) -> None:
        self._calls.metered(self._network, metered)

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._address)

    def _rename(self) -> None:
        name = self.name.text().strip()
        if name and name != self._known:
            self._calls.name(name)


def _group(gap: int, *widgets: QWidget) -> QWidget:
    """Widgets that stay side by side."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(gap)
    for widget in widgets:
        row.addWidget(widget)
    return group
