"""The settings: every key of the configuration file, declared once."""

from enum import StrEnum
from typing import Annotated

import msgspec


class Group(StrEnum):
    """The cards of the Settings page, in their order."""

    SERVERS = "Servers"
    MEETING = "Meeting"
    LIMITS = "Limits"
    HISTORY = "History"
    PROGRAMS = "Other programs"


class Form(StrEnum):
    """What the text of a setting is; `core/settings.py` knows how each is read."""

    PLAIN = "plain"
    NAME = "name"
    NETWORK = "network"
    STUN = "stun"
    TURN = "turn"
    WAY = "way"
    WEB = "web"
    PLACE = "place"
    PEER = "peer"
    TRANSPORT = "transport"
    PASSWORD = "password"  # noqa: S105 - the form, not one


class Kind(StrEnum):
    """The shape of a value: one, or a list of texts or of records."""

    SWITCH = "switch"
    NUMBER = "number"
    TEXT = "text"
    TEXTS = "texts"
    RECORDS = "records"


class Setting(msgspec.Struct, frozen=True):
    """All that the file's check and the Settings page need to know of a key. A key without one stands in the file alone.

    `when`: from when a change holds, where that is not at once. A number is shown divided by `scale`, in `unit`.
    """

    title: str
    hint: str = ""
    group: Group = Group.SERVERS
    form: Form = Form.PLAIN
    example: str = ""
    when: str = ""
    unit: str = ""
    scale: int = 1


class TurnServer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A TURN server; a password left out is looked up in the keyring."""

    url: Annotated[str, Setting("Server", form=Form.TURN, example="turn:turn.example.org")]
    username: Annotated[str, Setting("User", form=Form.NAME, example="user")] = ""
    password: Annotated[str, Setting("Password", form=Form.PASSWORD)] = ""

    def __repr__(self) -> str:
        return f"TurnServer({self.url!r}, {self.username!r})"


class Cap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much may flow each way with a peer (its fingerprint; empty: each) over a transport (empty: any)."""

    bits_per_s: Annotated[
        int, msgspec.Meta(ge=8_000, le=100_000_000_000), Setting("At most", unit="Mbit/s", scale=1_000_000)
    ]
    peer: Annotated[str, Setting("Who", form=Form.PEER)] = ""
    transport: Annotated[str, Setting("Over", form=Form.TRANSPORT)] = ""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the user chose. A new key is one line here: file, check and Settings page follow from it."""

    stun: Annotated[
        tuple[str, ...],
        Setting(
            "STUN servers",
            "They tell this computer how it looks from outside.",
            form=Form.STUN,
            example="stun:stun.example.org:3478",
        ),
    ] = ()
    turn: Annotated[
        tuple[TurnServer, ...],
        Setting(
            "Relays (TURN)",
            "They carry what cannot go directly. Passwords go into the system keyring.",
            when="from the next meeting on",
        ),
    ] = ()
    web_checks: Annotated[
        tuple[str, ...],
        Setting(
            "Web pages that are known to be empty",
            "The check looks there for a login page in the way, and for the time.",
            form=Form.WEB,
            example="http://example.org/generate_204",
        ),
    ] = ()
    rendezvous: Annotated[
        tuple[str, ...],
        Setting(
            "Ways to meet",
            "Where two people leave sealed notes to find each other.",
            Group.MEETING,
            Form.WAY,
            example="lan, wss://meet.example.org or mqtts://broker.example.org",
            when="from the next meeting on",
        ),
    ] = ()
    brokers: Annotated[
        tuple[str, ...],
        Setting(
            "Public brokers on offer",
            "The first invitation offers them; none is used before you agree.",
            Group.MEETING,
            Form.WAY,
            example="mqtts://broker.example.org",
        ),
    ] = ()
    hide_address: Annotated[
        bool,
        Setting(
            "Hide my address",
            "Peers see a relay instead. It needs one, and takes longer ways; who carries your notes still sees the address.",
            Group.MEETING,
            when="from the next meeting on",
        ),
    ] = False
    open_ports: Annotated[
        bool,
        Setting(
            "Open a port on my router",
            "For a meeting and no longer, by UPnP, NAT-PMP or PCP: the surest way to a direct connection.",
            Group.MEETING,
            when="from the next meeting on",
        ),
    ] = False
    guess_ports: Annotated[
        bool,
        Setting(
            "Try many ports where nothing else is direct",
            "Where one router gives every destination a port by chance: for eight seconds that side holds 128 sockets, the other sends 2,048 small packets (0.2 MB). About 98 in 100 times they meet, fewer where the provider shares an address among many; a strict network may take it for an attack. Both of you have to agree.",
            Group.MEETING,
            when="from the next meeting on",
        ),
    ] = False
    metered: Annotated[
        tuple[str, ...],
        Setting(
            "Networks where data costs money",
            "Other ways go first there, backups too, and the question before a measurement says so. What the system knows counts anyway.",
            Group.LIMITS,
            Form.NETWORK,
            example="wwan0 or 192.168.43.0/24",
        ),
    ] = ()
    cap: Annotated[
        tuple[Cap, ...],
        Setting(
            "Speed limits",
            "How much may flow each way. Where several fit, the lowest counts.",
            Group.LIMITS,
        ),
    ] = ()
    peer_bits_per_s: Annotated[
        int,
        msgspec.Meta(ge=100_000, le=100_000_000_000),
        Setting(
            "Most from one address",
            "What one address may bring to an open session. Who brings far more is listed as suspicious, and for a minute gets a tenth.",
            Group.LIMITS,
            unit="Mbit/s",
            scale=1_000_000,
        ),
    ] = 5_000_000_000
    peer_packets_per_s: Annotated[
        int,
        msgspec.Meta(ge=100, le=10_000_000),
        Setting("Most packets from one address", "However small they are.", Group.LIMITS, unit="a second"),
    ] = 500_000
    all_bits_per_s: Annotated[
        int,
        msgspec.Meta(ge=100_000, le=100_000_000_000),
        Setting(
            "Most from everybody",
            "What all addresses together may bring to an open session.",
            Group.LIMITS,
            unit="Mbit/s",
            scale=1_000_000,
        ),
    ] = 10_000_000_000
    all_packets_per_s: Annotated[
        int,
        msgspec.Meta(ge=100, le=10_000_000),
        Setting("Most packets from everybody", "However small they are.", Group.LIMITS, unit="a second"),
    ] = 1_000_000
    history_days: Annotated[
        int,
        msgspec.Meta(ge=1, le=3650),
        Setting("Keep diagnoses and sessions for", "Older ones are deleted.", Group.HISTORY, unit="days"),
    ] = 365
    history_megabytes: Annotated[
        int,
        msgspec.Meta(ge=1, le=100_000),
        Setting("Keep at most", "The oldest goes first.", Group.HISTORY, unit="MB"),
    ] = 200
    metrics: Annotated[
        str,
        Setting(
            "Metrics for Prometheus",
            "Where a Prometheus server may ask; empty for nowhere.",
            Group.PROGRAMS,
            Form.PLACE,
            example="127.0.0.1:9464",
        ),
    ] = ""
