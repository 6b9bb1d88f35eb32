"""Where nothing changes, the wait has an end."""

from netstack.net.system import SystemNet


async def test_nothing_changes_and_the_wait_ends() -> None:
    await SystemNet().stirred(0.01)
