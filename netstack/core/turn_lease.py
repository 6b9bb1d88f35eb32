"""What a TURN server has granted: an address, for how long, and when to ask for more. Pure."""

from typing import Any, Final

from netstack.core.turn_bindings import NEVER
from netstack.model.address import Address
from netstack.model.turn import TurnError
from netstack.wire import stun_attributes as attr
from netstack.wire.stun import StunMessage

ASK_IDLE_S: Final = 20.0  # a NAT forgets an idle mapping after 30 s
ASK_SILENT_S: Final = 3.0
ASK_REFUSED_S: Final = 0.5
MAX_LIFETIME_S: Final = 86_400


class Lease:
    """One allocation as its server told it. Times are those of `now`; `asked_s` is when it was asked for last."""

    __slots__ = ("allocate_s", "asked_s", "expires_s", "lifetime_s", "mapped", "refresh_s", "relayed")

    def __init__(self) -> None:
        self.relayed: Address | None = None
        self.mapped: Address | None = None
        self.lifetime_s: float | None = None
        self.allocate_s: float | None = None
        self.expires_s = self.refresh_s = NEVER
        self.asked_s = 0.0

    def grant(self, response: StunMessage, took_s: float, now: float) -> Address | None:
        """Takes a success of Allocate; the relayed address, None where the answer cannot be used."""
        relayed = response.get(attr.XOR_RELAYED_ADDRESS)
        if relayed is None or response.get(attr.LIFETIME) is None or relayed.port == 0:
            return None
        self.relayed, self.mapped, self.allocate_s = relayed, response.mapped_address, took_s
        self.renew(response, now)
        return relayed

    def renew(self, response: StunMessage, now: float) -> None:
        """Takes a success of Refresh: a minute before the end, or at two thirds, it is asked for again."""
        lifetime_s = min(response.get(attr.LIFETIME) or 1, MAX_LIFETIME_S)
        self.lifetime_s = lifetime_s
        self.expires_s = now + lifetime_s
        self.refresh_s = now + lifetime_s - min(60.0, lifetime_s / 3)

    def end(self) -> None:
        """Nothing is due any more."""
        self.expires_s = self.refresh_s = NEVER

    def doubt_s(self, heard_s: float, *, spoke: bool, error: TurnError | None) -> float:
        """When the relay is asked whether it still is there: soon after a refusal, else after some silence."""
        wait_s = ASK_SILENT_S if spoke or error else ASK_IDLE_S
        if error is not None and error.reason is TurnError.Reason.REFUSED:
            wait_s = ASK_REFUSED_S
        return max(heard_s, self.asked_s) + wait_s

    def facts(self, now: float, *, alive: bool) -> dict[str, Any]:
        """For people: fields of a `RelayState`."""
        return {
            "relayed_address": str(self.relayed) if self.relayed and alive else None,
            "mapped_address": str(self.mapped) if self.mapped and alive else None,
            "lifetime_s": self.lifetime_s,
            "remaining_s": max(0.0, self.expires_s - now) if alive else None,
            "allocate_s": self.allocate_s,
        }
