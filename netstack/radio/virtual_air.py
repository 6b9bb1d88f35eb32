"""The air between virtual controllers: distance, loss, air time, and links that end when nothing gets through.

Loading this module loads Bumble. What is modelled: the strength falls with the distance (log-distance, exponent 2.5) and
flickers; a packet below the receiver's sensitivity is lost more and more surely; advertisements that are lost are lost;
on a connection a lost packet is sent again at the next connection event, so weakness costs time until nothing got
through for the supervision timeout. A connection's two sides share its air time. What is not: other traffic in the band.
"""

import asyncio
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from typing import Final

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

RSSI_AT_1_M_DBM: Final = -59.0  # at 0 dBm sent
EXPONENT: Final = 2.5
FLICKER_DB: Final = 2.0
SENSITIVITY_DBM: Final = -90.0
SOFTNESS_DB: Final = 1.5
LEAST_RSSI_DBM: Final = -127
INTERVAL_S: Final = 0.015
SUPERVISION_S: Final = 4.0
CONTROL_BYTES: Final = 12
# LE 1M: 8 us a byte; preamble, access address, header, MIC and CRC are 18 B, the answer 80 us, twice the gap of 150 us.
BYTE_S: Final = 8e-6
OVERHEAD_S: Final = 18 * BYTE_S + 80e-6 + 300e-6
FULL_PACKET_S: Final = 251 * BYTE_S + OVERHEAD_S

logging.getLogger("bumble").setLevel(logging.CRITICAL)  # what it notes of broken links is what the lab is for


class Air(LocalLink):
    """Where virtual controllers hear each other. `loss` is lost on top of what the distance takes, 0 to 1."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.chance = random.Random(seed)  # noqa: S311 - of a virtual radio
        self.loss = 0.0
        self.lost_advertisements = 0
        self.repeated_packets = 0
        self._links: dict[frozenset[VirtualController], _AirLink] = {}

    def strength_dbm(self, sender: "VirtualController", receiver: "VirtualController") -> float:
        """What arrives, with the flicker of this moment."""
        metres = max(math.dist(sender.place_m, receiver.place_m), 0.1)
        lost_db = 10 * EXPONENT * math.log10(metres)
        return sender.tx_power_dbm + RSSI_AT_1_M_DBM - lost_db + self.chance.gauss(0.0, FLICKER_DB)

    def arrives(self, strength_dbm: float) -> bool:
        """Whether a packet of that strength is heard."""
        heard = 1.0 / (1.0 + math.exp(-(strength_dbm - SENSITIVITY_DBM) / SOFTNESS_DB))
        return self.chance.random() < heard * (1.0 - self.loss)

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """An advertisement, or the request to connect that answers one."""
        loop = asyncio.get_running_loop()
        sender = _ours(sender_controller)
        for each in sorted(map(_ours, self.controllers), key=lambda each: each.name):
            if each is sender or not each.on or not sender.on:
                continue
            if isinstance(packet, ll.ConnectInd):
                loop.call_soon(each.on_ll_advertising_pdu, packet)
                continue
            strength = self.strength_dbm(sender, each)
            if self.arrives(strength):
                loop.call_soon(each.hear, packet, sender, round(strength))
            elif each.le_scan_enable:
                self.lost_advertisements += 1

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """A packet of a connection; it waits for its turn."""
        sender, receiver = _ours(sender_controller), self.find_le_controller(destination_address)
        connection = sender.le_connections.get(destination_address)
        if receiver is None or connection is None:
            return
        receiver, address = _ours(receiver), connection.self_address

        def deliver() -> None:
            receiver.on_link_acl_data(address, transport, data)
            sender.delivered(receiver)

        self._link(sender, receiver).queue(sender, len(data), deliver)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """The link layer's own messages take the same way, so that they keep their place among the packets."""
        receiver, sender = self.find_le_controller(receiver_address), self.find_le_controller(sender_address)
        if receiver is not None and sender is not None:
            link = self._link(_ours(sender), _ours(receiver))
            link.queue(
                _ours(sender), CONTROL_BYTES, lambda: receiver.on_ll_control_pdu(sender_address, packet)
            )

    def _link(self, one: "VirtualController", other: "VirtualController") -> "_AirLink":
        pair = frozenset((one, other))
        if pair not in self._links:
            self._links[pair] = _AirLink(self, one, other)
        return self._links[pair]

    def forget(self, link: "_AirLink") -> None:
        """A connection is over."""
        self._links = {pair: each for pair, each in self._links.items() if each is not link}

    def ended(self, one: "VirtualController") -> None:
        """A controller has lost a connection. The link goes with the second side's: the first one's farewell is in it."""
        for link in list(self._links.values()):
            if one in link.ends and not link.used():
                link.close()

    def close(self) -> None:
        """Stops every timer."""
        for link in list(self._links.values()):
            link.close()
        for controller in self.controllers:
            controller.le_legacy_advertiser.stop()


class _AirLink:
    """The air time of one connection: packets of both sides, each in order, delivered when their time is over."""

    def __init__(self, air: Air, one: "VirtualController", other: "VirtualController") -> None:
        self.air = air
        self.ends = (one, other)
        self._waiting: deque[tuple[VirtualController, int, Callable[[], None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        loop = asyncio.get_running_loop()
        self._got_through_s = loop.time()
        self._anchor_s = loop.time()
        self._watch: asyncio.TimerHandle | None = loop.call_later(INTERVAL_S, self._keep_alive)

    def queue(self, sender: "VirtualController", size_bytes: int, deliver: Callable[[], None]) -> None:
        """Sends after everything that waits already."""
        self._waiting.append((sender, size_bytes, deliver))
        if self._timer is None:
            now = asyncio.get_running_loop().time()
            self._begin(self._next_event_s(now))

    def _next_event_s(self, now: float) -> float:
        return self._anchor_s + INTERVAL_S * (math.floor((now - self._anchor_s) / INTERVAL_S) + 1)

    def _begin(self, start_s: float) -> None:
        size = self._waiting[0][1]
        at_s = start_s + size * BYTE_S + OVERHEAD_S
        self._timer = asyncio.get_running_loop().call_at(at_s, self._over)

    def _over(self) -> None:
        """The first packet's time is over: it came through, or is repeated at the next event."""
        self._timer = None
        now = asyncio.get_running_loop().time()
        sender, size_bytes, deliver = self._waiting[0]
        receiver = self.ends[1] if sender is self.ends[0] else self.ends[0]
        through = sender.on and receiver.on and self.air.arrives(self.air.strength_dbm(sender, receiver))
        sender.count(receiver, size_bytes, lost=not through)
        if not through:
            self.air.repeated_packets += 1
            if self._too_long(now):
                self.drop(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            else:
                self._begin(self._next_event_s(now))
            return
        self._got_through_s = now
        self._waiting.popleft()
        if self._waiting:
            self._begin(now)
        deliver()

    def _too_long(self, now: float) -> bool:
        return now - self._got_through_s > SUPERVISION_S

    def _keep_alive(self) -> None:
        """Empty packets at the connection events keep an idle link up, where they get through; a few a second suffice."""
        now = asyncio.get_running_loop().time()
        one, other = self.ends
        if one.on and other.on and self.air.arrives(self.air.strength_dbm(one, other)):
            self._got_through_s = now
        if self._too_long(now):
            self.drop(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
        else:
            self._watch = asyncio.get_running_loop().call_later(SUPERVISION_S / 16, self._keep_alive)

    def used(self) -> bool:
        """A side holds the connection."""
        return any(end.connection_to(self.ends[1 - at]) is not None for at, end in enumerate(self.ends))

    def drop(self, reason: int) -> None:
        """Both sides notice that nothing comes any more."""
        self.close()
        for at, end in enumerate(self.ends):
            connection = end.connection_to(self.ends[1 - at])
            if connection is not None:
                end.on_le_disconnected(connection, reason)

    def close(self) -> None:
        """Forgets what waits."""
        for timer in (self._timer, self._watch):
            if timer is not None:
                timer.cancel()
        self._timer = self._watch = None
        self._waiting.clear()
        self.air.forget(self)


class VirtualController(Controller):
    """A Bluetooth controller at a place. Its host may send as much as the air has taken: packets are complete when
    they have arrived.
    """

    def __init__(self, name: str, air: Air, address: str, place_m: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__(name, link=air, public_address=address)
        self.air = air
        self.le_features &= ~hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        self.le_acl_data_packet_length = 251
        self.total_num_le_acl_data_packets = 16
        self.place_m = place_m
        self.tx_power_dbm = 0.0
        self.on = True
        self._under_way: dict[int, deque[hci.HCI_Packet]] = {}
        self._sent: dict[str, list[int]] = {}

    def count(self, other: "VirtualController", size_bytes: int, *, lost: bool) -> None:
        """A packet took its time in the air."""
        counters = self._sent.setdefault(other.name, [0, 0, 0])
        counters[0] += 1
        counters[1] += size_bytes
        counters[2] += lost

    def sent_to(self, other: "VirtualController") -> tuple[int, int, int]:
        """Packets, bytes, and packets that did not get through, to another controller."""
        packets, sent_bytes, lost = self._sent.get(other.name, (0, 0, 0))
        return packets, sent_bytes, lost

    def connection_to(self, other: "VirtualController") -> Connection | None:
        """The connection with another controller."""
        addresses = (other.random_address, other.public_address)
        return next((c for a, c in self.le_connections.items() if a in addresses), None)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        """Holds back that a packet is complete until it has arrived."""
        if isinstance(packet, hci.HCI_Number_Of_Completed_Packets_Event):
            for handle in packet.connection_handles:
                self._under_way.setdefault(handle, deque()).append(packet)
            return
        super().send_hci_packet(packet)

    def delivered(self, receiver: "VirtualController") -> None:
        """One packet to `receiver` has arrived."""
        connection = self.connection_to(receiver)
        waiting = self._under_way.get(connection.handle) if connection is not None else None
        if waiting:
            super().send_hci_packet(waiting.popleft())

    def on_le_disconnected(self, connection: Connection, reason: int) -> None:
        """The connection is over; nothing of it is under way."""
        self._under_way.pop(connection.handle, None)
        super().on_le_disconnected(connection, reason)
        self.air.ended(self)

    def hear(self, pdu: ll.AdvertisingPdu, sender: "VirtualController", rssi_dbm: int) -> None:
        """An advertisement came, with what the sender tells who asks (the scan response)."""
        if not isinstance(pdu, ll.AdvInd):
            return
        if self.le_scan_enable:
            kinds = hci.HCI_LE_Advertising_Report_Event.EventType
            for kind, data in (
                (kinds.ADV_IND, pdu.data),
                (kinds.SCAN_RSP, sender.le_legacy_advertiser.scan_response_data),
            ):
                report = hci.HCI_LE_Advertising_Report_Event.Report(
                    event_type=kind,
                    address_type=pdu.advertiser_address.address_type,
                    address=pdu.advertiser_address,
                    data=data,
                    rssi=max(rssi_dbm, LEAST_RSSI_DBM),
                )
                self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Bumble's controller goes on trying; a real one says that the connection was not made."""
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            self.send_hci_packet(
                hci.HCI_LE_Connection_Complete_Event(
                    status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                    connection_handle=0,
                    role=hci.Role.CENTRAL,
                    peer_address_type=pending.peer_address_type,
                    peer_address=pending.peer_address,
                    connection_interval=0,
                    peripheral_latency=0,
                    supervision_timeout=0,
                    central_clock_accuracy=0,
                )
            )
        return super().on_hci_le_create_connection_cancel_command(command)


def _ours(controller: Controller) -> VirtualController:
    if not isinstance(controller, VirtualController):
        raise TypeError(f"{controller.name} is no controller of this air")
    return controller
