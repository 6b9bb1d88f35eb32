"""`peerscope ble`: which Bluetooth LE devices are nearby, what is inside one, and pairing with it."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from app.cli.options import ConfigOption, Format, FormatOption, LabOption
from app.cli.terminal import console, fail, print_json
from app.presenters.bluetooth import question_view
from app.presenters.bluetooth_text import ble_report_text
from netstack.config import load_config
from netstack.errors import PeerscopeError
from netstack.lab.lab import open_scenario
from netstack.lab.radio import LabRadio
from netstack.model.ble import QuestionKind
from netstack.model.bluetooth import BleReport, BleState, PairingQuestion
from netstack.model.bluetooth_error import BluetoothError
from netstack.net.protocol import Net
from netstack.net.system import SystemNet
from netstack.radio.protocol import Radio
from netstack.radio.system import open_system_radio
from netstack.service.ble import BleDesk

ble = typer.Typer(
    no_args_is_help=True,
    help="Bluetooth LE: who is nearby, what is inside a device, and pairing with it.",
)
Address = Annotated[
    str, typer.Argument(metavar="ADDR", help="The device's address, as `peerscope ble scan` tells it.")
]
Work = Callable[[BleDesk], Awaitable[None]]


@ble.command()
def scan(
    seconds: Annotated[float, typer.Option(min=0.5, max=600, help="How long to listen.")] = 6.0,
    output: FormatOption = Format.TEXT,
    lab: LabOption = None,
    config: ConfigOption = None,
) -> int:
    """Tells which devices are nearby: strength, distance, name and services."""

    async def work(desk: BleDesk) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await desk.scan()

    return _run("scan", work, output, lab, config)


@ble.command()
def inspect(
    address: Address, output: FormatOption = Format.TEXT, lab: LabOption = None, config: ConfigOption = None
) -> int:
    """Connects to a device, and reads what it lets be read."""

    async def work(desk: BleDesk) -> None:
        await desk.connect(address)
        await desk.read_all()

    return _run("inspect", work, output, lab, config)


@ble.command()
def pair(
    address: Address, output: FormatOption = Format.TEXT, lab: LabOption = None, config: ConfigOption = None
) -> int:
    """Pairs with a device; digits are asked for, shown or compared in the terminal."""

    async def work(desk: BleDesk) -> None:
        await desk.connect(address)
        await desk.pair()

    return _run("pair", work, output, lab, config)


@ble.command()
def unpair(
    address: Address, output: FormatOption = Format.TEXT, lab: LabOption = None, config: ConfigOption = None
) -> int:
    """Forgets a paired device and its keys."""
    return _run("unpair", lambda desk: desk.unpair(address), output, lab, config)


def _run(command: str, work: Work, output: Format, lab: str | None, config: Path | None) -> int:
    """Looks at the obstacles first, then does the work; 2 where Bluetooth cannot be used, 1 where it failed."""
    as_json = output is Format.JSON
    try:
        load_config(config)
        scenario = None if lab is None else open_scenario(lab)
    except PeerscopeError as error:
        fail(error, BleReport(command=command) if as_json else None)
    interactive = not as_json and sys.stdin.isatty()

    async def at(net: Net, radio: Callable[[], Awaitable[Radio]], network: str) -> tuple[BleReport, int]:
        return await _report(command, work, net, radio, network, interactive=interactive)

    async def in_lab(net: Net, name: str) -> tuple[BleReport, int]:
        around = LabRadio("anna")
        try:
            return await at(net, around.open, name)
        finally:
            await around.close()

    try:
        if scenario is not None:
            report, code = scenario.run(lambda lab: in_lab(lab.net(), lab.scenario.name))
        else:
            report, code = asyncio.run(at(SystemNet(), open_system_radio, "real"))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if as_json:
        print_json(msgspec.to_builtins(report))
    else:
        console(stderr=code == 2).print(ble_report_text(report), highlight=False, markup=False)
    return code


async def _report(
    command: str,
    work: Work,
    net: Net,
    radio: Callable[[], Awaitable[Radio]],
    network: str,
    *,
    interactive: bool,
) -> tuple[BleReport, int]:
    began_s = net.now()
    asked = 0
    newest = BleState()

    def changed(state: BleState) -> None:
        nonlocal asked, newest
        newest = state
        if state.question is not None and state.question.number != asked:
            asked = state.question.number
            # In a turn of its own: the desk is in the middle of asking.
            asyncio.get_running_loop().call_soon(_answer, desk, state.question, interactive)

    desk = BleDesk(net, radio, changed)
    failure: BluetoothError | None = None
    try:
        await desk.look()
        if newest.preflight is not None and newest.preflight.failure is not None:
            failure = BluetoothError(BluetoothError.Reason(newest.preflight.failure))
        else:
            try:
                await work(desk)
            except BluetoothError as error:
                failure = error
        report = BleReport(
            command=command,
            network=network,
            preflight=newest.preflight,
            devices=newest.devices if command == "scan" else (),
            link=newest.link if command == "inspect" else None,
            bonds=newest.bonds,
            duration_s=net.now() - began_s,
        )
    finally:
        await desk.close()
    if failure is None:
        return report, 0
    blocked = report.preflight is not None and report.preflight.failure is not None
    told = msgspec.structs.replace(
        report, failure=failure.reason.value, failure_text=failure.sentence, next_step=failure.remedy
    )
    return told, 2 if blocked else 1


def _answer(desk: BleDesk, question: PairingQuestion, interactive: bool) -> None:
    """Digits need somebody at the terminal; whoever called `pair` has agreed to the rest."""
    view = question_view(question)
    if question.kind is QuestionKind.SHOW:
        console(stderr=True).print(f"{view.headline}: {question.passkey}", highlight=False, markup=False)
        return
    if not interactive or question.kind is QuestionKind.CONFIRM:
        desk.answer(question.number, False)
    elif question.kind is QuestionKind.COMPARE:
        same = typer.confirm(f"{view.headline} {question.passkey}", err=True)
        desk.answer(question.number, same)
    else:
        typed = typer.prompt(view.headline, err=True, default="")
        digits = "".join(str(typed).split())
        desk.answer(
            question.number,
            int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 6 else False,
        )
