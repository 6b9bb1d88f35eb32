"""TURN as people see it: relays with their countdowns, the doctor's stages, and every way that it can fail."""

import re
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from netstack.errors import Fault, PeerscopeError


class ServerTransport(StrEnum):
    """What carries packets between a client and its TURN server."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


class TurnError(PeerscopeError):
    """A TURN server cannot be used, or not for this. `remedy` is what to do about it.

    The codes of RFC 8656 section 19 each have a reason; `code` is the one that the server sent, if any.
    """

    class Reason(StrEnum):
        """What is wrong."""

        REDIRECTED = "redirected"
        BAD_REQUEST = "bad-request"
        UNAUTHORIZED = "unauthorized"
        EXPIRED = "expired"
        CLOCK = "wrong-clock"
        NO_CREDENTIALS = "no-credentials"
        FORBIDDEN = "forbidden"
        UNKNOWN_ATTRIBUTE = "unknown-attribute"
        MISMATCH = "allocation-mismatch"
        STALE_NONCE = "stale-nonce"
        FAMILY = "address-family"
        WRONG_CREDENTIALS = "wrong-credentials"
        TRANSPORT = "unsupported-transport"
        PEER_FAMILY = "peer-address-family"
        QUOTA = "quota"
        CAPACITY = "capacity"
        SERVER = "server-error"
        UNREACHABLE = "unreachable"
        REFUSED = "refused"
        UNKNOWN_HOST = "unknown-host"
        NOT_TURN = "not-turn"
        CERTIFICATE_NAME = "certificate-name"
        CERTIFICATE_EXPIRED = "certificate-expired"
        CERTIFICATE_UNTRUSTED = "certificate-untrusted"
        TLS = "tls"
        DTLS = "dtls"
        URI = "malformed-uri"
        BAD_ANSWER = "bad-answer"
        PRIVATE_RELAY = "private-relay"
        NO_ECHO = "no-echo"
        NO_PERMISSION = "no-permission"
        LIMIT = "limit"
        LOST = "lost"
        CLOSED = "closed"

    TABLE: ClassVar = {
        Reason.REDIRECTED: (Fault.PROVIDER, "The server sends its clients to another server."),
        Reason.BAD_REQUEST: (Fault.SERVER, "The server did not understand the request."),
        Reason.UNAUTHORIZED: (Fault.USER, "The server does not accept this username and password."),
        Reason.EXPIRED: (Fault.USER, "The time of this username is over."),
        Reason.CLOCK: (
            Fault.PC,
            "This computer's clock is behind, so its time-limited users are already over.",
        ),
        Reason.NO_CREDENTIALS: (Fault.USER, "The server asks for a username and a password."),
        Reason.FORBIDDEN: (Fault.PROVIDER, "The server does not relay to that address."),
        Reason.UNKNOWN_ATTRIBUTE: (Fault.SERVER, "The server lacks something that was asked of it."),
        Reason.MISMATCH: (Fault.NETWORK, "The server knows no relay, or another one, for this connection."),
        Reason.STALE_NONCE: (Fault.SERVER, "The server finds every nonce stale, even its newest."),
        Reason.FAMILY: (Fault.PROVIDER, "The server has no relay of this IP version."),
        Reason.WRONG_CREDENTIALS: (Fault.USER, "The relay was allocated by another user."),
        Reason.TRANSPORT: (Fault.PROVIDER, "The server does not relay UDP."),
        Reason.PEER_FAMILY: (Fault.USER, "The peer and the relay have different IP versions."),
        Reason.QUOTA: (Fault.PROVIDER, "The quota of relays is used up."),
        Reason.CAPACITY: (Fault.PROVIDER, "The server has no relay address or port left."),
        Reason.SERVER: (Fault.SERVER, "The server failed."),
        Reason.UNREACHABLE: (Fault.UNKNOWN, "The server does not answer."),
        Reason.REFUSED: (Fault.SERVER, "Nothing listens at that address and port."),
        Reason.UNKNOWN_HOST: (Fault.USER, "No server has that name."),
        Reason.NOT_TURN: (Fault.USER, "Something answers there, but it is not a TURN server."),
        Reason.CERTIFICATE_NAME: (Fault.PROVIDER, "The server's certificate is for another name."),
        Reason.CERTIFICATE_EXPIRED: (Fault.PROVIDER, "The server's certificate is not valid at this time."),
        Reason.CERTIFICATE_UNTRUSTED: (
            Fault.PROVIDER,
            "The server's certificate is not one that is trusted.",
        ),
        Reason.TLS: (Fault.SERVER, "The secure connection to the server could not be set up."),
        Reason.DTLS: (Fault.USER, "TURN over DTLS is not supported."),
        Reason.URI: (Fault.USER, "That is not a TURN server; write turn:HOST, or turns:HOST for TLS."),
        Reason.BAD_ANSWER: (Fault.SERVER, "The server's answer lacks what it must contain."),
        Reason.PRIVATE_RELAY: (Fault.PROVIDER, "The relay's address cannot be reached from the internet."),
        Reason.NO_ECHO: (Fault.PROVIDER, "What is sent to the relay does not come out of it."),
        Reason.NO_PERMISSION: (Fault.PC, "The relay has no permission or channel for that peer."),
        Reason.LIMIT: (Fault.PC, "This relay has as many permissions or channels as it can hold."),
        Reason.LOST: (Fault.NETWORK, "The relay was lost and could not be had again."),
        Reason.CLOSED: (Fault.UNKNOWN, "The relay is closed."),
    }

    REMEDIES: ClassVar[dict[StrEnum, str]] = {
        Reason.REDIRECTED: "Use the server that it names, or ask the provider why it names one that is of no use.",
        Reason.BAD_REQUEST: "Ask the provider which TURN software runs there, and to update it.",
        Reason.UNAUTHORIZED: "Check both, character by character; for time-limited users check the shared secret.",
        Reason.EXPIRED: "Get new credentials from where these came from.",
        Reason.CLOCK: "Set this computer's clock by the network and try again.",
        Reason.NO_CREDENTIALS: "Enter the username and password that the provider gave you.",
        Reason.FORBIDDEN: "The provider can allow it (coturn: allowed-peer-ip); the peer may need a public address.",
        Reason.UNKNOWN_ATTRIBUTE: "Try again without that extra; the provider can update the server.",
        Reason.MISMATCH: "Try again in a minute: an older relay of the same port has to lapse first.",
        Reason.STALE_NONCE: "Ask the provider to look at stale-nonce; several servers behind one name must share it.",
        Reason.FAMILY: "Ask for the other IP version, or ask the provider for a relay address of this one.",
        Reason.WRONG_CREDENTIALS: "Release the relay and allocate it again with the user that it is for.",
        Reason.TRANSPORT: "Ask the provider to allow UDP relays (coturn: remove no-udp-relay).",
        Reason.PEER_FAMILY: "Allocate a relay of the peer's IP version.",
        Reason.QUOTA: "Release relays that are not used, wait ten minutes, or ask the provider for a higher quota.",
        Reason.CAPACITY: "Try later, or ask the provider for a wider range of relay ports.",
        Reason.SERVER: "Try again later; the provider's log tells more.",
        Reason.UNREACHABLE: "Check the name and port; try turns: on port 443, which firewalls rarely stop.",
        Reason.REFUSED: "Check the port (3478, or 5349 for TLS), and that the server runs.",
        Reason.UNKNOWN_HOST: "Check the spelling, and that names can be looked up on this computer.",
        Reason.NOT_TURN: "Check the port; a STUN server alone cannot relay.",
        Reason.CERTIFICATE_NAME: "Use the name that the certificate is for, or have one made for this name.",
        Reason.CERTIFICATE_EXPIRED: "Check this computer's date; else the provider has to renew the certificate.",
        Reason.CERTIFICATE_UNTRUSTED: "The provider needs a certificate of a known authority, with its whole chain.",
        Reason.TLS: "Check that the port speaks TLS; plain TURN is turn:, TLS is turns:.",
        Reason.DTLS: "Use turns:HOST?transport=tcp (TLS), or turn:HOST?transport=udp.",
        Reason.URI: "Examples: turn:turn.example.org, turn:203.0.113.5:3478?transport=tcp, turns:turn.example.org:443.",
        Reason.BAD_ANSWER: "Ask the provider which TURN software runs there, and to update it.",
        Reason.PRIVATE_RELAY: "The provider has to tell the server its public address (coturn: external-ip).",
        Reason.NO_ECHO: "The provider's firewall has to let UDP in and out on the whole range of relay ports.",
        Reason.NO_PERMISSION: "Permit the peer first.",
        Reason.LIMIT: "Release those that are not used, or allocate another relay.",
        Reason.LOST: "Check the connection to the internet, then allocate again.",
        Reason.CLOSED: "Allocate a new one.",
    }

    CODES: ClassVar = {
        300: Reason.REDIRECTED,
        400: Reason.BAD_REQUEST,
        401: Reason.UNAUTHORIZED,
        403: Reason.FORBIDDEN,
        420: Reason.UNKNOWN_ATTRIBUTE,
        437: Reason.MISMATCH,
        438: Reason.STALE_NONCE,
        440: Reason.FAMILY,
        441: Reason.WRONG_CREDENTIALS,
        442: Reason.TRANSPORT,
        443: Reason.PEER_FAMILY,
        486: Reason.QUOTA,
        508: Reason.CAPACITY,
    }

    def __init__(self, reason: Reason, detail: str = "", *, code: int | None = None) -> None:
        super().__init__(reason, detail)
        self.code = code

    @classmethod
    def of_code(cls, code: int, said: str = "") -> "TurnError":
        """The error that a server's ERROR-CODE stands for; `said` is its own reason phrase."""
        shown = "".join(char if char.isprintable() else "?" for char in said[:80])
        detail = f"{code} {shown}".strip()
        return cls(cls.CODES.get(code, cls.Reason.SERVER), detail, code=code)

    def facts(self) -> dict[str, Any]:
        """For people: fields of a `RelayState`."""
        return {"failure": self.reason.value, "failure_text": self.sentence, "remedy": self.remedy}

    @property
    def remedy(self) -> str:
        """What to do about it, in a sentence."""
        return self.REMEDIES[self.reason]


class TurnCredentials(msgspec.Struct, frozen=True):
    """A long-term user of a TURN server. Its text never shows the password."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"TurnCredentials({self.username!r})"

    @property
    def expires_at_s(self) -> float | None:
        """When a time-limited user `EXPIRY[:NAME]` is over, in seconds since 1970; None for any other."""
        found = re.fullmatch(r"([0-9]{9,11})(:.*)?", self.username, re.ASCII | re.DOTALL)
        return float(found[1]) if found else None


class RelayPhase(StrEnum):
    """What becomes of a relay."""

    OPENING = "opening"
    ALLOCATED = "allocated"
    RECOVERING = "recovering"
    RELEASING = "releasing"
    RELEASED = "released"
    FAILED = "failed"


class PermissionState(msgspec.Struct, frozen=True):
    """A host that may send to the relay; `remaining_s` is None until the server has agreed."""

    host: str
    remaining_s: float | None = None
    failure: str | None = None


class ChannelState(msgspec.Struct, frozen=True):
    """A channel to a peer, by number; `remaining_s` is None until it is bound."""

    number: int
    peer: str
    remaining_s: float | None = None
    failure: str | None = None


class RefreshEntry(msgspec.Struct, frozen=True):
    """One request of a relay's life: how long ago it began, what it was, how long it took, what came of it.

    `what` is "allocate", "refresh", "permission", "channel" or "release"; `failure` None: it succeeded.
    """

    age_s: float
    what: str
    subject: str
    took_s: float
    failure: str | None = None


class RelayState(msgspec.Struct, frozen=True, kw_only=True):
    """One allocation, at one moment. Times count from that moment; None is "not known".

    `packets` and `bytes` are payload, this client's view; `dropped` could not be sent or had no permission.
    """

    relay_id: int = 0
    uri: str = ""
    server: str = ""
    transport: ServerTransport = ServerTransport.UDP
    phase: RelayPhase = RelayPhase.OPENING
    relayed_address: str | None = None
    mapped_address: str | None = None
    lifetime_s: float | None = None
    remaining_s: float | None = None
    allocate_s: float | None = None
    rtt_s: float | None = None
    silent_s: float | None = None
    permissions: tuple[PermissionState, ...] = ()
    channels: tuple[ChannelState, ...] = ()
    log: tuple[RefreshEntry, ...] = ()
    sent_packets: int = 0
    sent_bytes: int = 0
    received_packets: int = 0
    received_bytes: int = 0
    dropped: int = 0
    malformed: int = 0
    recoveries: int = 0
    software: str | None = None
    realm: str | None = None
    failure: str | None = None
    failure_text: str | None = None
    remedy: str | None = None


class StageName(StrEnum):
    """The doctor's stages, in their order."""

    DNS = "dns"
    REACH = "reach"
    CHALLENGE = "challenge"
    ALLOCATION = "allocation"
    RELAYED_ADDRESS = "relayed-address"
    PERMISSION = "permission"
    ECHO_SEND = "echo-send"
    ECHO_CHANNEL = "echo-channel"
    RTT = "rtt"
    THROUGHPUT = "throughput"
    MTU = "mtu"
    RENEWAL = "renewal"
    QUOTA = "quota"
    DELETION = "deletion"


class Stage(msgspec.Struct, frozen=True):
    """One rung of the ladder: passed, failed (`failure`, `next_step`), or not applicable (`ok` None; `detail`)."""

    name: StageName
    ok: bool | None = None
    failure: str | None = None
    detail: str = ""
    next_step: str | None = None
    duration_s: float | None = None


class TurnReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "does this TURN server work?" (`peerscope.turn/1`). None is "not measured".

    `rtt_relay_p50_s` is a datagram's way from this computer through the relay and back to it;
    `mtu_bytes` the largest payload that passes in ChannelData. The direct figures are to a second party.
    """

    schema: str = "peerscope.turn/1"
    uri: str = ""
    headline: str = ""
    transport: ServerTransport | None = None
    server: str | None = None
    software: str | None = None
    realm: str | None = None
    stages: tuple[Stage, ...] = ()
    relayed_address: str | None = None
    mapped_address: str | None = None
    lifetime_s: float | None = None
    allocate_s: float | None = None
    rtt_server_p50_s: float | None = None
    rtt_relay_p50_s: float | None = None
    rtt_relay_n: int = 0
    jitter_relay_s: float | None = None
    loss_relay: float | None = None
    rtt_direct_p50_s: float | None = None
    throughput_relay_bps: float | None = None
    throughput_relay_n: int = 0
    throughput_relay_loss: float | None = None
    throughput_direct_bps: float | None = None
    mtu_bytes: int | None = None
    advice: tuple[str, ...] = ()
    failure: str | None = None
    failure_text: str | None = None
    fault: Fault | None = None
    started_at_s: float = 0.0
    duration_s: float = 0.0
    network: str = "real"


class KnownServer(msgspec.Struct, frozen=True):
    """A server of the configuration; `password_known`: it stands there (the keyring may know it all the same)."""

    uri: str
    username: str = ""
    password_known: bool = False


class TurnState(msgspec.Struct, frozen=True):
    """TURN in the snapshot: the servers that are known, the check that runs, and this app's relays.

    `progress` is 0 to 1, `step` what it does now; `measuring` the same of a speed that is measured by itself, else
    None. `relays` are new every second while there are any.
    """

    servers: tuple[KnownServer, ...] = ()
    running: bool = False
    progress: float = 0.0
    step: str = ""
    report: TurnReport | None = None
    measuring: float | None = None
    relays: tuple[RelayState, ...] = ()
