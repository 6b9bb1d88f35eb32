"""Who was turned away at the entrances of the open sessions: suspicious addresses with their end, packets by reason."""

from app.presenters.guard import GuardView
from app.widgets.fact_table import FactTable
from app.widgets.text import Card, Text
from app.widgets.theme import Theme


class GuardCard(Card):
    """Hidden while nothing was turned away."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, "Turned away")
        self._sentence = Text(theme, role="muted", wrap=True)
        self._suspects = FactTable(theme, 1)
        self._suspects.setAccessibleName("Suspicious addresses")
        self._dropped = FactTable(theme, 1)
        self._dropped.setAccessibleName("Packets dropped, by reason")
        for part in (self._sentence, self._suspects, self._dropped):
            self.body.addWidget(part)
        self.hide()

    def show_view(self, view: GuardView) -> None:
        """Shows these."""
        self.setVisible(not view.empty)
        self._sentence.setText(view.sentence)
        self._suspects.show_facts(view.suspects)
        self._suspects.setVisible(bool(view.suspects))
        self._dropped.show_facts(view.dropped)
        self._dropped.setVisible(bool(view.dropped))
