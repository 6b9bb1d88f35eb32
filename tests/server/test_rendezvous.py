from hypothesis import given
from hypothesis import strategies as st

from netstack.server import rendezvous as module
from netstack.server.rendezvous import (
    BAD_NAME,
    LIFE_S,
    MAX_NOTE_BYTES,
    MAX_NOTES,
    MAX_PER_NETWORK,
    OVER,
    TAKEN,
    TOO_BIG,
    TOO_MANY,
    Close,
    Deliver,
    RendezvousServer,
)

HERE, THERE = "192.0.2.1", "198.51.100.1"


def actions(server: RendezvousServer) -> list[Deliver | Close]:
    found = []
    while (action := server.poll_action()) is not None:
        found.append(action)
    return found


def test_notes_go_to_the_other_and_wait_for_it() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    for note in (b"one", b"two", b"one"):
        server.received(1, note, HERE, 0.0)
    assert actions(server) == []
    server.opened(2, "482915", THERE, 1.0)
    assert actions(server) == [Deliver(2, b"one"), Deliver(2, b"two")]
    server.received(2, b"back", THERE, 1.0)
    server.received(1, b"three", HERE, 1.0)
    assert actions(server) == [Deliver(1, b"back"), Deliver(2, b"three")]


def test_mailboxes_do_not_mix() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    server.opened(2, "482916", THERE, 0.0)
    server.received(1, b"note", HERE, 0.0)
    assert actions(server) == []


def test_a_third_is_sent_away_and_has_no_say() -> None:
    server = RendezvousServer()
    for client in (1, 2, 3):
        server.opened(client, "482915", HERE, 0.0)
    assert actions(server) == [Close(3, TAKEN, "two are here already")]
    server.received(3, b"x", HERE, 0.0)
    assert actions(server) == []
    server.closed(3)
    server.closed(1)
    server.opened(4, "482915", HERE, 0.0)  # a place is free again
    assert actions(server) == []


def test_a_mailbox_holds_32_notes_of_4_kb() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    for number in range(MAX_NOTES + 5):
        server.received(1, b"%d" % number, HERE, 0.0)
    assert server.dropped == 5
    server.received(1, bytes(MAX_NOTE_BYTES + 1), HERE, 0.0)
    assert actions(server) == [Close(1, TOO_BIG, "a note has at most 4,096 bytes")]
    server.opened(2, "482915", THERE, 0.0)
    assert actions(server) == [Deliver(2, b"%d" % number) for number in range(MAX_NOTES)]


def test_ten_minutes_are_enough_for_everybody() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    server.received(1, b"left", HERE, 0.0)
    server.opened(2, "482916", THERE, 30.0)
    assert server.deadline() == LIFE_S
    server.handle_timeout(LIFE_S)
    assert actions(server) == [Close(1, OVER, "ten minutes are over")]
    assert server.used == (1, 1)
    assert server.deadline() == LIFE_S + 30


def test_what_nobody_needs_is_forgotten() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    server.closed(1)
    assert server.used == (0, 0)
    assert server._networks == {}
    assert server.deadline() is None


def test_an_address_gets_no_more_than_its_share() -> None:
    server = RendezvousServer()
    for client in range(MAX_PER_NETWORK + 3):
        server.opened(client, f"{482915 + client:06d}", f"192.0.2.{client}", client * 10.0)
    refused = actions(server)
    assert [action.code for action in refused] == [TOO_MANY] * 3
    server.opened(900, "482000", THERE, 400.0)
    assert actions(server) == []  # others are not hindered
    for client in range(1000, 1100):
        server.opened(client, "48200a", "203.0.113.1", 400.0)
    assert sum(action.code == TOO_MANY for action in actions(server)) > 80


def test_a_flood_of_notes_is_dropped() -> None:
    server = RendezvousServer()
    server.opened(1, "482915", HERE, 0.0)
    server.opened(2, "482915", THERE, 0.0)
    for number in range(1000):
        server.received(1, b"%d" % number, HERE, 0.0)
    assert len(actions(server)) <= module.NOTES_PER_NETWORK_S * 2
    server.received(2, b"still heard", THERE, 0.0)
    assert actions(server) == [Deliver(1, b"still heard")]


@given(st.text(max_size=40))
def test_only_plain_names_are_mailboxes(name: str) -> None:
    server = RendezvousServer()
    server.opened(1, name, HERE, 0.0)
    refused = [action.code for action in actions(server)] == [BAD_NAME]
    assert refused != bool(module.NAME.fullmatch(name))


@given(
    st.lists(
        st.tuples(st.sampled_from("ocrt"), st.integers(0, 5), st.sampled_from(("482915", "482916", "x"))),
        max_size=60,
    )
)
def test_whatever_happens_the_books_balance(steps) -> None:
    server, now, ids, fresh = RendezvousServer(), 0.0, {}, 0
    for what, who, name in steps:
        now += 1.0
        if what == "o":
            fresh += 1
            ids[who] = fresh
            server.opened(fresh, name, HERE, now)
        elif what == "c" and who in ids:
            server.closed(ids[who])
        elif what == "r" and who in ids:
            server.received(ids[who], name.encode(), HERE, now)
        elif what == "t":
            now += 300
            server.handle_timeout(now)
        boxes = server._mailboxes.values()
        assert sum(len(box.clients) for box in boxes) == server.used[1] == sum(server._networks.values())
        assert all(len(box.clients) <= 2 and len(box.notes) <= MAX_NOTES for box in boxes)
        actions(server)
