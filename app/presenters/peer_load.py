"""A peer's wish to measure latency under load with us, as a question."""

import msgspec

from app.presenters.networks import cost_warning
from app.presenters.quantity import size
from netstack.model.load import LoadStage, LoadState
from netstack.model.network_cost import NetworkCost
from netstack.model.peers import Conversation


class LoadQuestionView(msgspec.Struct, frozen=True):
    """What the peer wants to measure with us: to be answered, or, once `serving`, only to be stopped."""

    sentence: str
    serving: bool


def load_question(
    conversation: Conversation, networks: tuple[NetworkCost, ...] = ()
) -> LoadQuestionView | None:
    """None while the peer wants nothing."""
    state: LoadState = conversation.load
    if conversation.ended:
        return None
    if state.stage is LoadStage.SERVING:
        return LoadQuestionView(f"{conversation.name} measures latency under load with you.", serving=True)
    if state.asked is None:
        return None
    most = size(2 * state.asked.max_bytes)
    return LoadQuestionView(
        f"{conversation.name} wants to measure latency under load with you: at most {most} and "
        f"{2 * state.asked.max_s} seconds. {cost_warning(networks)}",
        serving=False,
    )
