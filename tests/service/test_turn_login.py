"""Where a password comes from, and that it is never shown."""

import keyring
import keyring.backend
import pytest

from netstack.core.turn_uri import parse_turn_uri
from netstack.model.config import TurnServer
from netstack.service.turn_login import TurnLogin, find_login, keep_login

URI = parse_turn_uri("turn:turn.example.org")


class Memory(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


@pytest.fixture
def memory():
    before = keyring.get_keyring()
    backend = Memory()
    keyring.set_keyring(backend)
    yield backend
    keyring.set_keyring(before)


async def test_the_configuration_knows_it_by_host_and_port():
    known = (
        TurnServer("no uri at all", "x", "y"),
        TurnServer("turn:turn.example.org:9", "b", "other"),
        TurnServer("turn:TURN.example.org:3478?transport=tcp", "a", "good"),
    )
    assert await find_login(URI, known) == TurnLogin("a", "good")
    assert await find_login(URI, known, "a") == TurnLogin("a", "good")
    assert await find_login(URI, known, "somebody") == TurnLogin("somebody", "")
    assert await find_login(URI, ()) == TurnLogin()


async def test_the_keyring_keeps_one_for_each_user_and_server(memory):
    assert await keep_login(URI, TurnLogin("a", "good"))
    assert await find_login(URI, (), "a") == TurnLogin("a", "good")
    assert await find_login(URI, (TurnServer("turn:turn.example.org", "a"),)) == TurnLogin("a", "good")
    assert await find_login(URI, (), "b") == TurnLogin("b", "")
    assert await find_login(parse_turn_uri("turn:turn.example.org:9"), (), "a") == TurnLogin("a", "")


async def test_a_keyring_that_keeps_nothing_is_told():
    assert not await keep_login(URI, TurnLogin("a", "good"))


def test_a_secret_makes_users_and_nothing_shows_it():
    login = TurnLogin("ana", secret="opensesame")
    user = login.credentials(1_700_000_000.0, for_s=60)
    assert user.username == "1700000060:ana"
    assert user.expires_at_s == 1_700_000_060
    assert login.minter(lambda: 0.0) is not None
    assert "opensesame" not in repr(login) + repr(user)
    assert user.password not in repr(user)
    assert TurnLogin("ana").minter(lambda: 0.0) is None
