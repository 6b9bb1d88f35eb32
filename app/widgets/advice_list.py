"""What to do, one line a step, each with the sign of who can do it."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.presenters.nat import AdviceView
from app.widgets.text import Text
from app.widgets.theme import Theme

DISC = 32
ICON = 18


class AdviceList(QWidget):
    """Steps in their order; `empty` is what stands there when there is nothing to do."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self._shown: tuple[AdviceView, ...] | str | None = None
        self._discs: list[tuple[QLabel, str]] = []
        self._whole = QVBoxLayout(self)
        self._whole.setContentsMargins(0, 0, 0, 0)
        self._whole.setSpacing(14)
        theme.changed.connect(self._dress)

    def show_view(self, advice: tuple[AdviceView, ...], empty: str) -> None:
        """Shows the steps."""
        if (advice or empty) == self._shown:
            return
        self._shown = advice or empty
        while item := self._whole.takeAt(0):
            if widget := item.widget():
                widget.hide()
                widget.deleteLater()
        self._discs.clear()
        for step in advice:
            self._whole.addWidget(self._step(step))
        if not advice:
            self._whole.addWidget(Text(self._theme, empty, wrap=True, role="muted"))
        self._whole.addStretch(1)
        self._dress()

    def _step(self, step: AdviceView) -> QWidget:
        disc = QLabel()
        disc.setFixedSize(DISC, DISC)
        disc.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._discs.append((disc, step.icon))
        words = QVBoxLayout()
        words.setSpacing(1)
        if step.who:
            words.addWidget(Text(self._theme, step.who, strong=True))
        words.addWidget(Text(self._theme, step.text[:1].upper() + step.text[1:], wrap=True))
        words.addStretch(1)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(disc, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        return whole

    def _dress(self) -> None:
        ground = self._theme.color("accent", 0.12).name()
        for disc, icon in self._discs:
            disc.setPixmap(self._theme.pixmap(icon, "accent", ICON))
            disc.setStyleSheet(f"background: {ground}; border-radius: {DISC // 2}px;")
