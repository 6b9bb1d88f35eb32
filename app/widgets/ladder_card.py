"""Why not direct? Each address that was tried and what became of it, folded away where all is well."""

from PySide6.QtWidgets import QWidget

from app.presenters.peer_ladder import LadderView
from app.widgets.buttons import Button
from app.widgets.glyph_lines import GlyphLines
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class LadderCard(Card):
    """`open` says whether the rungs are seen from the start."""

    def __init__(self, theme: Theme, *, opened: bool) -> None:
        super().__init__(theme)
        self._view: LadderView | None = None
        self._opened = opened
        self._title = Text(theme, strong=True, wrap=True)
        self._toggle = Button(theme, "", self._fold, role="link")
        self.head.addWidget(self._title, 1)
        self.head.addWidget(self._toggle)
        self.whole.insertLayout(0, self.head)
        self._verdict = Text(theme, size="small", role="muted", wrap=True)
        self._remedy = Text(theme, size="small", wrap=True)
        self._rungs = GlyphLines(theme, stacked=True)
        self._theirs = GlyphLines(theme, stacked=True)
        self._note = Text(theme, size="small", role="muted", wrap=True)
        self._names = Text(theme, size="small", strong=True), Text(theme, size="small", strong=True)
        for widget in (
            self._verdict,
            self._remedy,
            self._names[0],
            self._rungs,
            self._names[1],
            self._note,
            self._theirs,
        ):
            self.body.addWidget(widget)
        self.body.addStretch(1)

    def show_view(self, view: LadderView | None) -> None:
        """None hides the card."""
        self.setVisible(view is not None)
        if view is None or view == self._view:
            return
        self._view = view
        self.setAccessibleName(view.title)
        self._title.setText(view.title)
        self._verdict.setText(view.verdict)
        self._remedy.setText(f"→ {view.remedy}" if view.remedy else "")
        self._verdict.setVisible(bool(view.verdict))
        self._remedy.setVisible(bool(view.remedy))
        for lines, rungs in ((self._rungs, view.rungs), (self._theirs, view.theirs)):
            lines.show_lines(tuple((rung.tone, rung.place, rung.what, rung.exact) for rung in rungs))
        for text, name in zip(self._names, view.names, strict=True):
            text.setText(name)
        self._note.setText(view.note)
        self._apply()

    def focus_chain(self) -> list[QWidget]:
        """What the Tab key may stop at."""
        return [self._toggle]

    def _fold(self) -> None:
        self._opened = not self._opened
        self._apply()

    def _apply(self) -> None:
        view = self._view
        count = 0 if view is None else len(view.rungs) + len(view.theirs)
        self._toggle.setText("Hide" if self._opened else f"Show what both tried ({count})")
        self._toggle.setAccessibleName(self._toggle.text())
        self._toggle.setVisible(count > 0)
        shown = view if self._opened and count > 0 else None
        self._rungs.setVisible(shown is not None and bool(shown.rungs))
        self._theirs.setVisible(shown is not None and bool(shown.theirs))
        self._note.setVisible(shown is not None and bool(shown.note))
        for text in self._names:
            text.setVisible(shown is not None)
