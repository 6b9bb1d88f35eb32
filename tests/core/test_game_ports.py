"""A game by its name, or a port as it is written."""

import pytest

from netstack.core.game_ports import Game, Games, merge, parse_port, ports_of
from netstack.errors import InputError
from netstack.model.port_mapping import Carried

GAMES = (Game("Chess", ("udp/7777", "tcp/80")),)


def test_a_game_is_found_by_its_name_and_a_port_by_itself() -> None:
    assert ports_of(" chess ", GAMES) == ("Chess", ((Carried.UDP, 7777), (Carried.TCP, 80)))
    assert ports_of("TCP/25565", GAMES) == ("", ((Carried.TCP, 25_565),))


@pytest.mark.parametrize(
    "text",
    ["", "7777", "udp/", "udp/0", "udp/65536", "udp/-1", "udp/7 7", "udp/٣", "sctp/5", "draughts", "x" * 999],
)
def test_anything_else_is_one_sentence(text: str) -> None:
    with pytest.raises(InputError) as caught:
        ports_of(text, GAMES)
    assert len(caught.value.sentence) < 200


def test_the_users_own_games_count_more() -> None:
    own = Games((Game("CHESS", ("udp/1",)), Game("Draughts", ("udp/2",))))
    assert [(g.name, g.ports) for g in merge(Games(GAMES), own)] == [
        ("CHESS", ("udp/1",)),
        ("Draughts", ("udp/2",)),
    ]


def test_a_port_is_read_once() -> None:
    assert parse_port("udp/1") == (Carried.UDP, 1)
