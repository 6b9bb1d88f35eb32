import asyncio

from netstack.radio.one_radio import OneRadio


class _Radio:
    def __init__(self) -> None:
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_everybody_gets_the_same_radio_and_it_is_closed_once_opened() -> None:
    made: list[_Radio] = []

    async def opener() -> _Radio:
        await asyncio.sleep(0)
        made.append(_Radio())
        return made[-1]

    one = OneRadio(opener)  # type: ignore[arg-type]
    await one.close()
    first, second = await asyncio.gather(one.open(), one.open())
    assert first is second is made[0]
    await one.close()
    await one.close()
    assert (len(made), made[0].closed) == (1, 1)
