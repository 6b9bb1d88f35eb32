import copy
import tomllib

import pytest

from netstack.errors import InputError
from netstack.lab.scenario import (
    NAMES,
    SCENARIOS,
    ScenarioError,
    load_scenario,
    parse_scenario,
    read_scenario,
)

HOME = tomllib.loads((SCENARIOS / "home.toml").read_text())


def test_every_file_is_a_named_scenario_and_every_name_a_file() -> None:
    assert sorted(path.stem for path in SCENARIOS.glob("*.toml")) == sorted(NAMES)
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_tells_people_what_it_is(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.name == name
    assert len(scenario.title) < 40
    assert scenario.story.endswith(".")
    assert 80 < len(scenario.story) < 240
    assert set(scenario.expect.nat) == set(scenario.pair)
    assert all(part.title for part in (*scenario.box, *scenario.host, *scenario.server))


def test_an_unknown_name_gets_a_suggestion() -> None:
    with pytest.raises(InputError) as caught:
        load_scenario("satelite")
    assert "did you mean satellite?" in caught.value.sentence
    with pytest.raises(InputError):
        load_scenario("../home")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda s: s.update(colour="red"), "colour"),
        (lambda s: s["box"][0].update(nats="symmetric"), "nats"),
        (lambda s: s["box"][0].update(nat="symetric"), "unknown NAT kind symetric"),
        (lambda s: s["box"][0].update(link="wire"), "unknown link wire"),
        (lambda s: s["box"][0].update(link={"loss": 1.5}), "loss"),
        (lambda s: s["box"][0].update(link={"delay": 1}), "delay"),
        (lambda s: s["box"][0].update(behind="nowhere"), "behind nowhere"),
        (lambda s: s["box"][0].update(wan="203.0.113"), "which is none"),
        (lambda s: s["box"][0].update(lan="10.0.0.0/99"), "which is none"),
        (lambda s: s["box"][0].update(wan="203.0.113.102"), "used twice"),
        (lambda s: s["box"][0].update(name="ben-router"), "two things are called ben-router"),
        (lambda s: s["host"][0].update(interface=[]), "no interface"),
        (lambda s: s["host"][0]["interface"][0].update(hosts=[]), "no address"),
        (lambda s: s["host"][0]["interface"][0].update(behind="x"), "behind x"),
        (lambda s: s.update(pair=["anna", "carl"]), "no host carl"),
        (lambda s: s.update(pair=["anna"]), "pair"),
        (lambda s: s.update(event=[{"at_s": 1.0, "action": "cut", "target": "x"}]), "an event concerns x"),
        (lambda s: s.update(event=[{"at_s": 1.0, "action": "burn", "target": "x"}]), "burn"),
        (lambda s: s.pop("story"), "story"),
    ],
)
def test_a_broken_scenario_gets_a_sentence(change, says: str) -> None:
    values = copy.deepcopy(HOME)
    change(values)
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(values, "mine")
    assert says in caught.value.sentence
    assert caught.value.sentence.startswith("The scenario cannot be used. (mine: ")


def test_files_that_are_no_scenarios(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    with pytest.raises(InputError):
        read_scenario(path)
    for content in (b"title = ", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(ScenarioError):
            read_scenario(path)
