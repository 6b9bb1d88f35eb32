"""What the Settings page starts: each a call of the Node's desk."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from app.actions import Action, Actions
from app.engine import Engine
from app.panels.settings import SettingsActions

if TYPE_CHECKING:
    from netstack.service.settings import SettingsDesk


def settings_actions(actions: Actions, engine: Engine) -> SettingsActions:
    """The page's actions."""

    def at_desk(name: str, work: "Callable[..., Awaitable[object]]", *, quiet: bool = False) -> Action:
        async def act(*arguments: object) -> None:
            await engine.call(lambda node: work(node.settings, *arguments), name)

        return actions.add(name, act, quiet=quiet)

    async def set_password(desk: "SettingsDesk", number: int, password: str, in_file: bool) -> None:
        await desk.set_password(number, password, in_file=in_file)

    return SettingsActions(
        change=at_desk("setting", lambda desk, key, value: desk.change(key, value)),
        reset=at_desk("reset", lambda desk, key: desk.reset(key)),
        undo=at_desk("undo setting", lambda desk: desk.undo()),
        password=at_desk("password", set_password),
        look=at_desk("passwords", lambda desk: desk.look_for_passwords(), quiet=True),
        again=at_desk("settings file", lambda desk: desk.read_again()),
        export=at_desk("export settings", lambda desk, path: desk.export_to(Path(path))),
        take=at_desk("import settings", lambda desk, path: desk.import_from(Path(path))),
    )
