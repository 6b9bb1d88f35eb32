"""The scenario's story as cards: what each side's check says, whether they meet, and which way they take."""

from enum import StrEnum

import msgspec

from app.presenters.nat import present
from app.presenters.nat_kinds import kind_words
from app.presenters.nat_path import Station
from app.presenters.quantity import duration
from app.presenters.tone import Tone
from netstack.model.lab import LabRun, StoryState
from netstack.model.nat import NatReport
from netstack.model.snapshot import NatState, Snapshot
from netstack.model.topology import NodeKind, Topology, TopologyNode

BLUETOOTH = "bluetooth"  # a path of `PairOutcome`


class Stage(StrEnum):
    """Whether the story was played."""

    EMPTY = "empty"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class SideView(msgspec.Struct, frozen=True):
    """One person's diagnosis: the word, what the check says, its term, and what to do."""

    title: str
    word: str
    tone: Tone
    sentence: str
    term: str = ""
    advice: tuple[str, ...] = ()


class MeetingView(msgspec.Struct, frozen=True):
    """How the two meet: a word, a sentence, the stations of their way, and how it was found out."""

    word: str
    tone: Tone
    sentence: str
    way: tuple[Station, ...] = ()
    note: str = ""


class StoryView(msgspec.Struct, frozen=True):
    """`answer` is the page's headline; `step` and `progress` are of the run under way."""

    stage: Stage
    answer: str
    step: str
    progress: float
    sides: tuple[SideView, ...]
    meeting: MeetingView


def story(state: StoryState, topology: Topology | None) -> StoryView:
    """The cards, in whatever state the story is."""
    if topology is None:
        return StoryView(Stage.EMPTY, "", "", 0.0, (), MeetingView("", Tone.UNKNOWN, ""))
    names = {node.name: node.title for node in topology.nodes}
    one, other = (name.capitalize() for name in topology.pair)
    stage = (
        Stage.RUNNING
        if state.running
        else Stage.DONE
        if state.run
        else Stage.CANCELLED
        if state.nat
        else Stage.EMPTY
    )
    sides = tuple(_side(names[name], state.nat.get(name), stage) for name in topology.pair)
    return StoryView(
        stage=stage,
        answer=_answer(stage, state.run, one, other),
        step=state.step,
        progress=state.progress,
        sides=sides,
        meeting=_meeting(stage, state, topology),
    )


def _answer(stage: Stage, run: LabRun | None, one: str, other: str) -> str:
    if run is None or stage is Stage.RUNNING:
        return f"Can {one} and {other} connect directly?"
    if not run.connection.connected:
        return f"{one} and {other} cannot connect."
    way = "directly" if run.connection.direct else "only over a relay"
    if BLUETOOTH in run.connection.paths:
        way = "over Bluetooth"
    return f"{one} and {other} connect {way}."


def _side(title: str, report: NatReport | None, stage: Stage) -> SideView:
    if report is None:
        waiting = "Waits for its turn." if stage is Stage.RUNNING else "Not checked."
        return SideView(title, "Unknown", Tone.UNKNOWN, waiting)
    running = stage is Stage.RUNNING and report.provisional
    view = present(Snapshot(nat=NatState(running=running, report=report)), age_s=0.0, shown=True)
    return SideView(
        title=title,
        word=view.verdict.word,
        tone=view.verdict.tone,
        sentence=view.failure or view.headline,
        term=view.verdict.term,
        advice=tuple(f"{line.who}: {line.text}" if line.who else line.text for line in view.advice),
    )


def _meeting(stage: Stage, state: StoryState, topology: Topology) -> MeetingView:
    run = state.run
    if run is None or stage is Stage.RUNNING:
        if (
            stage is Stage.RUNNING
            and len(state.nat) == 2
            and not any(r.provisional for r in state.nat.values())
        ):
            return MeetingView("Trying", Tone.UNKNOWN, f"{state.step}.")
        if stage is Stage.RUNNING:
            return MeetingView("Not yet", Tone.UNKNOWN, "Waits for both checks.")
        return MeetingView("Not tried", Tone.UNKNOWN, "Play the story to see whether and how they meet.")
    seen = run.connection
    note = "Tried by Peerscope's own engine, in real time." + (
        "" if run.as_expected or _touched(topology) else " This is not what the scenario is meant to show."
    )
    if not seen.connected:
        return MeetingView(
            "No connection",
            Tone.BAD,
            "Neither Bluetooth nor a network let them through."
            if _is_near(topology)
            else "Neither a direct way nor a relay let them through.",
            _by_air(topology, connected=False)
            if _is_near(topology)
            else _way(topology, seen.direct, connected=False),
            note,
        )
    sentence = f"Each had the other's first byte {duration(seen.first_byte_s or 0.0)} after they began."
    if seen.silence_s is not None:
        sentence += f" The longest silence lasted {duration(seen.silence_s)}."
    if BLUETOOTH in seen.paths:
        return MeetingView("Over Bluetooth", Tone.GOOD, sentence, _by_air(topology, connected=True), note)
    return MeetingView(
        "Direct" if seen.direct else "Over a relay",
        Tone.GOOD if seen.direct else Tone.WARN,
        sentence,
        _way(topology, seen.direct, connected=True),
        note,
    )


def _touched(topology: Topology) -> bool:
    return any(link.changed for link in topology.links)


def _is_near(topology: Topology) -> bool:
    """Neither has a network: what there is between them is air."""
    return all(len(_upward(topology, name)) == 1 for name in topology.pair)


def _by_air(topology: Topology, *, connected: bool) -> tuple[Station, ...]:
    nodes = {node.name: node for node in topology.nodes}
    one, other = (_station(nodes[name]) for name in topology.pair)
    if connected:
        return one, Station("bluetooth", "Bluetooth", "", Tone.GOOD, "no network"), other
    return one, Station("bluetooth", "Bluetooth", "", Tone.BAD, "no way", cut=True), other


def _way(topology: Topology, direct: bool, *, connected: bool) -> tuple[Station, ...]:
    """From one person to the other. Where somebody has several ways out, none of them is claimed."""
    one, other = (_upward(topology, name) for name in topology.pair)
    middle: tuple[Station, ...]
    if direct and (common := next((node for node in one if node in other), None)):
        shared = common.kind is not NodeKind.INTERNET
        one, other = one[: one.index(common)], other[: other.index(common)]
        middle = (
            (_station(common),) if shared else (Station("internet", "Internet", "", Tone.GOOD, "no relay"),)
        )
    else:
        one, other = one[:-1], other[:-1]
        relay = Station("relays", "Relay", "", Tone.WARN, "passes everything on")
        middle = (
            (relay,) if connected else (Station("internet", "Internet", "", Tone.BAD, "no way", cut=True),)
        )
    back = tuple(_station(node) for node in reversed(other))
    if not connected:
        back = (msgspec.structs.replace(back[0], cut=True), *back[1:])
    return (*map(_station, one), *middle, *back)


def _upward(topology: Topology, name: str) -> list[TopologyNode]:
    """The person, the boxes above, the internet; the boxes are left out where the way forks."""
    nodes = {node.name: node for node in topology.nodes}
    way = [nodes[name]]
    while inner := [link.b for link in topology.links if link.a == way[-1].name and not link.radio]:
        way.append(nodes[inner[0]] if len(inner) == 1 else nodes["internet"])
    return way


def _station(node: TopologyNode) -> Station:
    if node.kind is NodeKind.HOST:
        return Station("pc", node.title, "", Tone.PLAIN)
    words = kind_words(node.nat or "")
    icon = "firewall" if node.kind is NodeKind.FIREWALL else "router"
    return Station(icon, node.title, "", words.tone, words.word)
