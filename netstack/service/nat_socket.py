"""One socket of a NAT check: sends a probe's requests and tells how each probe ended."""

import asyncio

from netstack.core.nat_probe import Kind, Outcome, Probe, Result
from netstack.errors import DecodeError, NetError
from netstack.model.address import Address, Family, Scope, scope
from netstack.net.protocol import DatagramEndpoint, Net
from netstack.wire import nat_pmp, stun
from netstack.wire.stun import MessageClass

PORTS_FROM = 49_152
PORT_PAIRS = 8_192
BIND_TRIES = 8
_WANS = frozenset({Scope.PUBLIC, Scope.PRIVATE, Scope.SHARED})
UNTOUCHED = frozenset({Kind.CHANGE_BOTH, Kind.CHANGE_PORT})


class _Asked:
    """A probe under way: its requests by transaction id, and the outcome once there is one."""

    def __init__(self, probe: Probe, start_s: float) -> None:
        self.probe = probe
        self.start_s = start_s
        self.sent_s: dict[bytes, float] = {}
        self.rubbish = 0
        self.ignored = False
        self.refused: Result | None = None
        self.done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()


class ProbeSocket:
    """A bound socket and the probes that ask from it (a `DatagramReceiver`).

    Sockets that must not have contacted a server's second address bind even ports and all others odd ones, so
    that no test ever inherits the mapping that an earlier check made from the same port.
    """

    def __init__(self, net: Net, zero_s: float) -> None:
        self._net = net
        self._zero_s = zero_s
        self._endpoint: DatagramEndpoint | None = None
        self._asked: dict[str, _Asked] = {}
        self._hairpins: dict[bytes, _Asked] = {}

    async def open(self, family: Family, *, untouched: bool) -> None:
        """Binds a fresh port. Raises NetError."""
        host = "::" if family is Family.IPV6 else "0.0.0.0"  # noqa: S104
        for left in reversed(range(BIND_TRIES)):
            number = int.from_bytes(self._net.random_bytes(2), "big") % PORT_PAIRS
            local = Address(host, PORTS_FROM + 2 * number + (0 if untouched else 1))
            try:
                self._endpoint = await self._net.open_datagram(self, local=local)
            except NetError as error:
                if error.reason is not NetError.Reason.IN_USE or not left:
                    raise
            else:
                return

    def close(self) -> None:
        """Releases the socket."""
        if self._endpoint is not None:
            self._endpoint.close()

    def await_hairpin(self, transaction_id: bytes, asked: _Asked) -> None:
        """A request with this id that reaches this socket came back in from outside."""
        self._hairpins[transaction_id] = asked

    async def ask(self, probe: Probe, peer: "ProbeSocket | None" = None) -> Outcome:
        """Sends on schedule until answered or over; always ends by the probe's `end_s`."""
        asked = self._asked[probe.name] = _Asked(probe, self._now_s())
        try:
            for offset_s in probe.sends_s:
                if await self._answered(asked, offset_s) or asked.refused or not self._send(asked, peer):
                    break
            if not asked.done.done() and not asked.refused:
                await self._answered(asked, probe.end_s)
            if not asked.done.done():
                result = asked.refused or (Result.IGNORED if asked.ignored else Result.SILENT)
                return self._outcome(asked, result)
            return asked.done.result()
        finally:
            del self._asked[probe.name]

    def datagram_received(self, data: bytes, remote: Address, received_at_s: float) -> None:
        """Finds the probe that a datagram answers; what answers none is counted as rubbish where it came from."""
        at_s = received_at_s - self._zero_s
        if self._is_nat_pmp(data, remote, at_s):
            return
        try:
            message = stun.decode(data)
        except DecodeError:
            for asked in self._asked.values():
                asked.rubbish += asked.probe.target.host == remote.host
            return
        if message.message_class is MessageClass.REQUEST:
            turned = self._hairpins.get(message.transaction_id)
            if turned is not None and not turned.done.done():
                turned.done.set_result(self._outcome(turned, Result.ANSWERED, at_s=at_s, source=remote))
            return
        for asked in self._asked.values():
            sent_s = asked.sent_s.get(message.transaction_id)
            if sent_s is not None:
                self._answer(asked, message, remote, sent_s, at_s)
                return

    def datagram_failed(self, error: NetError, remote: Address | None) -> None:
        """ICMP: the port, or the way to it, is closed. A test that expects another source does not care."""
        for asked in self._asked.values():
            hairpin = asked.probe.kind is Kind.HAIRPIN  # refused at first, until the other side has opened
            if remote == asked.probe.target and not hairpin and not asked.done.done():
                refused = error.reason is NetError.Reason.REFUSED
                asked.refused = Result.REFUSED if refused else Result.UNREACHABLE
                asked.done.set_result(self._outcome(asked, asked.refused))

    def _now_s(self) -> float:
        return self._net.now() - self._zero_s

    async def _answered(self, asked: _Asked, offset_s: float) -> bool:
        """Waits until `offset_s` after the probe's start, at most; True when it has ended."""
        left_s = asked.start_s + offset_s - self._now_s()
        if left_s > 0 and not asked.done.done():
            await asyncio.wait((asked.done,), timeout=left_s)
        return asked.done.done()

    def _send(self, asked: _Asked, peer: "ProbeSocket | None") -> bool:
        probe = asked.probe
        if self._endpoint is None:
            return False
        if probe.kind is Kind.GATEWAY:
            transaction_id, data = b"", nat_pmp.encode_request(nat_pmp.ExternalAddressRequest())
        else:
            transaction_id = self._net.random_bytes(12)
            data = stun.encode(
                stun.binding_request(
                    transaction_id,
                    change_ip=probe.change_ip,
                    change_port=probe.change_port,
                    response_port=probe.response_port,
                )
            )
        if peer is not None:
            peer.await_hairpin(transaction_id, asked)
        asked.sent_s[transaction_id] = self._now_s()
        try:
            self._endpoint.send(data, probe.target)
        except NetError as error:
            asked.refused = Result.REFUSED if error.reason is NetError.Reason.REFUSED else Result.UNREACHABLE
            return False
        return True

    def _answer(
        self, asked: _Asked, message: stun.StunMessage, remote: Address, sent_s: float, at_s: float
    ) -> None:
        probe = asked.probe
        if asked.done.done():
            return
        changed = probe.change_ip or probe.change_port
        if changed and remote == probe.target and message.message_class is MessageClass.SUCCESS:
            asked.ignored = True
            return
        expected = (
            remote.host != probe.target.host
            if probe.change_ip
            else remote.host == probe.target.host and (not changed or remote.port != probe.target.port)
        )
        if message.message_class is MessageClass.ERROR:
            code = message.error.code if message.error else None
            asked.done.set_result(self._outcome(asked, Result.ERROR, at_s=at_s, source=remote, code=code))
        elif not expected or message.mapped_address is None:
            asked.rubbish += 1
        else:
            asked.done.set_result(
                self._outcome(
                    asked,
                    Result.ANSWERED,
                    at_s=at_s,
                    source=remote,
                    rtt_s=max(0.0, at_s - sent_s),
                    mapped=message.mapped_address,
                    other=message.other_address,
                )
            )

    def _is_nat_pmp(self, data: bytes, remote: Address, at_s: float) -> bool:
        for asked in self._asked.values():
            if asked.probe.kind is Kind.GATEWAY and remote == asked.probe.target and not asked.done.done():
                try:
                    response = nat_pmp.decode_response(data)
                except DecodeError:
                    asked.rubbish += 1
                    return True
                host = getattr(response, "host", None)
                # A router that is not connected names 0.0.0.0, and some name themselves.
                mapped = Address(host, 0) if host and host != remote.host and scope(host) in _WANS else None
                result = Result.ANSWERED if mapped else Result.ERROR
                asked.done.set_result(self._outcome(asked, result, at_s=at_s, mapped=mapped, source=remote))
                return True
        return False

    def _outcome(
        self,
        asked: _Asked,
        result: Result,
        *,
        at_s: float | None = None,
        source: Address | None = None,
        rtt_s: float | None = None,
        mapped: Address | None = None,
        other: Address | None = None,
        code: int | None = None,
    ) -> Outcome:
        return Outcome(
            probe=asked.probe,
            result=result,
            start_s=asked.start_s,
            end_s=self._now_s() if at_s is None else at_s,
            sends=len(asked.sent_s),
            rtt_s=rtt_s,
            mapped=mapped,
            source=source,
            other=other,
            local_port=self._endpoint.local.port if self._endpoint else 0,
            rubbish=asked.rubbish,
            code=code,
        )
