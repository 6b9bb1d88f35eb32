"""The Lab page: Snapshot -> the drawing, what is selected, the story and the grid; and the lab's banner."""

import msgspec

from app.presenters.lab_detail import DetailView, detail, first_choice
from app.presenters.lab_grid import GridView, grid
from app.presenters.lab_map import MapView, lab_map
from app.presenters.lab_story import Stage, StoryView, story
from netstack.model.snapshot import Snapshot

QUESTION = "Try out the internet, without touching yours"


class LabView(msgspec.Struct, frozen=True):
    """Everything that the page shows."""

    title: str
    headline: str
    subline: str
    scenario: str
    scenario_story: str
    picture: MapView
    selected: str
    detail: DetailView
    story: StoryView
    grid: GridView


def present(snapshot: Snapshot, selected: str) -> LabView:
    """The page; `selected` is the name of a node or link, which may be gone."""
    topology = snapshot.lab
    if topology is not None:
        names = {node.name for node in topology.nodes} | {link.name for link in topology.links}
        selected = selected if selected in names else first_choice(topology)
    told = story(snapshot.story, topology)
    return LabView(
        title=_title(snapshot, told),
        headline=told.answer or (QUESTION if snapshot.network == "real" else "Building the lab…"),
        subline=_subline(snapshot, told),
        scenario=snapshot.network,
        scenario_story=topology.story if topology else "",
        picture=lab_map(topology),
        selected=selected if topology else "",
        detail=detail(topology, selected),
        story=told,
        grid=grid(snapshot.grid),
    )


def _title(snapshot: Snapshot, told: StoryView) -> str:
    """For the window's title bar."""
    if snapshot.network == "real":
        return "Lab"
    words = {Stage.EMPTY: "", Stage.RUNNING: ": playing", Stage.CANCELLED: ": cancelled"}
    run = snapshot.story.run
    word = words.get(told.stage, "")
    if told.stage is Stage.DONE and run is not None:
        seen = run.connection
        word = ": direct" if seen.direct else ": relay" if seen.connected else ": no connection"
    return f"Lab {snapshot.network}{word}".strip()


def _subline(snapshot: Snapshot, told: StoryView) -> str:
    if snapshot.network == "real":
        return "A small internet inside this program, with routers of every kind"
    if snapshot.lab is None:
        return ""
    if told.stage is Stage.RUNNING:
        return told.step
    if told.stage is Stage.CANCELLED:
        return "Cancelled; what was found out so far stays"
    if told.stage is Stage.DONE:
        return told.meeting.sentence
    return "Play the story to find out: both sides are checked, then they meet"


def banner(snapshot: Snapshot) -> str:
    """What every page says while the lab is open; empty on the real network."""
    if snapshot.network == "real":
        return ""
    title = f"“{snapshot.lab.title}”" if snapshot.lab else f"“{snapshot.network}”"
    return f"This is the lab, {title}: nothing here is about your own network."
