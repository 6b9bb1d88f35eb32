"""The Lab page as a whole, and the banner that every page carries."""

from app.presenters.lab import QUESTION, banner, present
from app.presenters.status import status
from netstack.model.lab import StoryState
from netstack.model.snapshot import Snapshot
from tests.app.presenters.lab_world import WORLD
from tests.app.presenters.test_lab_story import run

LAB = Snapshot(network="strict", lab=WORLD)


def test_on_the_real_network_nothing_is_shown_as_if_it_were():
    view = present(Snapshot(), "")
    assert (view.title, view.headline) == ("Lab", QUESTION)
    assert view.picture.nodes == ()
    assert banner(Snapshot()) == ""


def test_the_banner_and_the_status_bar_name_the_scenario():
    assert banner(LAB) == "This is the lab, “Strict meets moderate”: nothing here is about your own network."
    assert banner(Snapshot(network="home")).startswith("This is the lab, “home”")
    assert status(LAB, None, None).network == "Lab: strict"


def test_a_selection_that_is_gone_falls_back():
    assert present(LAB, "relay").selected == "relay"
    assert present(LAB, "elsewhere").selected == "a-router"
    assert present(LAB, "elsewhere").detail.title == "Anna's router"


def test_the_title_tells_how_far_it_is():
    def title(state: StoryState) -> str:
        return present(Snapshot(network="strict", lab=WORLD, story=state), "").title

    ended = run(connected=True, direct=False)
    assert title(StoryState()) == "Lab strict"
    assert title(StoryState(running=True)) == "Lab strict: playing"
    assert title(StoryState(nat=ended.nat)) == "Lab strict: cancelled"
    assert title(StoryState(nat=ended.nat, run=ended)) == "Lab strict: relay"


def test_the_subline_says_what_happens_and_what_came_out():
    def subline(state: StoryState) -> str:
        return present(Snapshot(network="strict", lab=WORLD, story=state), "").subline

    ended = run(connected=False, direct=False)
    assert subline(StoryState(running=True, step="asking")) == "asking"
    assert subline(StoryState(nat=ended.nat)).startswith("Cancelled")
    assert (
        subline(StoryState(nat=ended.nat, run=ended)) == "Neither a direct way nor a relay let them through."
    )
    assert subline(StoryState()).startswith("Play the story")
