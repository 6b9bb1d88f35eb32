"""The speed of a relay in words: what asking costs, how far it is, what came of it."""

import msgspec

from app.presenters.quantity import THIN, digits
from app.presenters.tone import Tone
from netstack.model.turn import StageName, TurnState

QUESTION = (
    "This sends up to 5 MB through the relay and back to this computer, for at most 3 seconds. Where data is paid "
    "for by the megabyte, both ways count."
)
OFFER = "Not measured yet: it takes up to 5 MB, so you are asked first."


class SpeedView(msgspec.Struct, frozen=True):
    """`measuring` None: it can be asked for. `of` is what it belongs to: another check is another question."""

    of: str
    tone: Tone
    sentence: str
    question: str
    button: str
    measuring: float | None


def speed_view(state: TurnState) -> SpeedView | None:
    """None: nothing was checked, or there is no relay to be had."""
    report = state.report
    if report is None or state.running or report.relayed_address is None:
        return None
    tone, sentence, button = Tone.PLAIN, OFFER, "Measure the speed"
    stage = next((each for each in report.stages if each.name is StageName.THROUGHPUT), None)
    if report.throughput_relay_bps is not None:
        tone, button = Tone.GOOD, "Measure again"
        sentence = (
            f"{digits(report.throughput_relay_bps / 1e6)}{THIN}Mbit/s of payload came through, "
            f"n = {digits(report.throughput_relay_n)} packets, "
            f"{digits(100 * (report.throughput_relay_loss or 0.0))}{THIN}% lost."
        )
    if stage is not None and stage.ok is False:
        tone, button = Tone.BAD, "Measure again"
        sentence = f"{stage.detail} {stage.next_step or ''}".strip()
    if state.measuring is not None:
        tone, sentence = Tone.PLAIN, f"Measuring, {round(100 * state.measuring)}{THIN}% done."
    return SpeedView(f"{report.uri} {report.started_at_s}", tone, sentence, QUESTION, button, state.measuring)
