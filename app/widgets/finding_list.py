"""Findings by whose side they are: a heading with the side's sign, and a card for each."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.presenters.check import GroupView
from app.widgets.finding_card import FindingCard
from app.widgets.text import Text
from app.widgets.theme import Theme

DISC = 32
ICON = 18


class FindingList(QWidget):
    """`retest(str)`: look at this rule again. `copied(str, str)`: a text for the clipboard, and its name."""

    retest = Signal(str)
    copied = Signal(str, str)

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._kinds: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
        self._cards: list[FindingCard] = []
        self._discs: list[tuple[QLabel, str]] = []
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(theme.measure.unit)
        theme.changed.connect(self._dress)

    def show_view(self, groups: tuple[GroupView, ...], *, busy: bool) -> None:
        """Shows the findings; `busy`: none can be looked at again now."""
        kinds = tuple((g.icon, g.title, tuple(f.rule for f in g.findings)) for g in groups)
        if kinds != self._kinds:
            self._kinds = kinds
            self._build(groups)
        findings = (finding for group in groups for finding in group.findings)
        for card, finding in zip(self._cards, findings, strict=True):
            card.show_view(finding, busy=busy)

    def _build(self, groups: tuple[GroupView, ...]) -> None:
        while item := self._whole.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._cards.clear()
        self._discs.clear()
        for number, group in enumerate(groups):
            self._whole.addWidget(self._heading(group, first=number == 0))
            for _ in group.findings:
                card = FindingCard(self._theme)
                card.retest.connect(self.retest)
                card.copied.connect(self.copied)
                self._cards.append(card)
                self._whole.addWidget(card)
        self._dress()

    def _heading(self, group: GroupView, *, first: bool) -> QWidget:
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0 if first else self._theme.measure.unit, 0, 0)
        row.setSpacing(12)
        disc = QLabel()
        disc.setFixedSize(DISC, DISC)
        disc.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._discs.append((disc, group.icon))
        row.addWidget(disc)
        row.addWidget(Text(self._theme, group.title, strong=True), 1)
        return whole

    def _dress(self) -> None:
        ground = self._theme.color("accent", 0.12).name()
        for disc, icon in self._discs:
            disc.setPixmap(self._theme.pixmap(icon, "accent", ICON))
            disc.setStyleSheet(f"background: {ground}; border-radius: {DISC // 2}px;")
