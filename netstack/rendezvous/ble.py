"""Notes by Bluetooth LE: no network is needed, only that the two are near each other (docs/wire.md section 11)."""

from netstack.model.meeting import Role, Way, WayState
from netstack.radio.one_radio import OpenRadio
from netstack.radio.peer_channel import PeerChannel
from netstack.rendezvous.driver import Driver, Receive

FOUND = "found nearby"


class BleDriver(Driver):
    """A way through the air. `channel` is what a session then goes on with, when the notes have ended."""

    way = Way.BLE

    def __init__(self, open_radio: OpenRadio) -> None:
        super().__init__("ble")
        self._open_radio = open_radio
        self.channel: PeerChannel | None = None

    async def _carry(self, mailbox: str, role: Role, receive: Receive) -> None:
        radio = await self._open_radio()
        channel = self.channel = PeerChannel(radio, mailbox, host=role is Role.HOST)
        channel.notes = lambda note: self._take(note, receive)
        channel.changed = lambda: self._show(channel)
        channel.hold()
        try:
            await self._send_all(channel.send_note)
        finally:
            channel.notes = lambda _: None
            channel.changed = lambda: None
            await channel.release()

    def _show(self, channel: PeerChannel) -> None:
        """What keeps it from finding anybody, or that it looks."""
        problem = channel.problem
        if channel.links:
            self._ready(FOUND)
        elif channel.can_be_found is None and problem is not None:
            self._tell(WayState.FAILED, f"{problem.sentence} {problem.remedy}")
        elif problem is not None:
            self._ready(f"looking again: {problem.sentence}")
        elif channel.can_be_found is False:
            self._ready("looking nearby; this computer cannot be found itself")
        else:
            self._ready("looking nearby")
