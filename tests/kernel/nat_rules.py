"""NATs of the kernel: one nftables ruleset for each kind, in the words of RFC 4787.

Linux alone gives endpoint-independent mapping with address- and port-dependent filtering: a source keeps
its public port as long as no other holds it. The other behaviours are built from maps, sets and hashes.
"""

KINDS = (
    "open",
    "firewall",
    "full-cone",
    "address-restricted",
    "port-restricted",
    "port-restricted-nopreserve",
    "addr-dep-mapping",
    "symmetric",
    "symmetric-seq",
    "udp-blocked",
)
"""The ten kinds that every test bed has."""

ROUTED = ("open", "firewall")
"""Kinds without translation: the client has a public address."""

NO_DROP = "linux-no-drop"
"""Port-restricted, but the gateway itself answers strangers: their early packet takes the public port, and
a client that then sends to them leaves from another one. Plain Linux routers behave like this."""

INSIDE = "{ 10.0.0.0/8, 100.64.0.0/10 }"
# Below what clients use as source ports (Linux: 32768 and up), or a port would be preserved by chance.
FIRST_HASHED_PORT, HASHED_PORTS = 2000, 2048
OTHER_PORTS = "10200-15999"
FIRST_SEQUENTIAL_PORT, SEQUENTIAL_PORTS = 20000, 2048


def ruleset(kind: str, wan: str, *, hairpin: bool = False, learned_s: int = 30) -> str:
    """The nft script of a NAT with the public address `wan` on `wan` and the inside on `lan`.

    `learned_s` is how long the cone kinds remember an idle mapping. Raises KeyError for an unknown kind.
    """
    if kind == "open":
        return "flush ruleset\n"
    if kind == "firewall":
        return """flush ruleset
table ip nat {
  chain forw { type filter hook forward priority 0; policy accept;
    ct state established,related accept
    iifname "wan" drop
  }
}
"""
    pre, post = _rules(kind, wan)
    learns = kind in {"full-cone", "address-restricted"}
    if hairpin and kind in {
        "full-cone",
        "address-restricted",
        "port-restricted",
        "port-restricted-nopreserve",
    }:
        learns = True
        pre += f'iifname "lan" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @fc\n'
        post += f'oifname "lan" ip saddr {INSIDE} ip daddr {INSIDE} ct status & dnat != 0 snat to {wan}\n'
    dropped = "" if kind == NO_DROP else 'iifname "wan" ct state new meta l4proto udp drop'
    blocked = "meta l4proto udp drop" if kind == "udp-blocked" else ""
    learned = f"flags dynamic,timeout; timeout {learned_s}s; size 65535;"
    inside = "ct original ip saddr . ct original proto-src"
    learn = f"""
  map fc {{ type inet_service : ipv4_addr . inet_service; {learned} }}
  set adf {{ type inet_service . ipv4_addr; {learned} }}
  chain learn {{ type filter hook postrouting priority srcnat + 10;
    oifname "wan" meta l4proto udp ct direction original update @fc {{ udp sport : {inside} }}
    oifname "wan" meta l4proto udp update @adf {{ udp sport . ip daddr }}
  }}"""
    return f"""flush ruleset
table ip nat {{{learn if learns else ""}
  chain input {{ type filter hook input priority 0; policy accept;
    {dropped}
  }}
  chain forw {{ type filter hook forward priority 0; policy accept;
    {blocked}
    iifname "wan" ct state new ct status & dnat == 0 drop
  }}
  chain pre {{ type nat hook prerouting priority dstnat;
    {pre}
  }}
  chain post {{ type nat hook postrouting priority srcnat;
    {post}
  }}
}}
"""


def _rules(kind: str, wan: str) -> tuple[str, str]:
    """The prerouting and postrouting rules of a kind."""
    out = f'oifname "wan" ip saddr {INSIDE}'
    plain = f"{out} snat to {wan}\n"
    udp = f"{out} meta l4proto udp snat to {wan} :"
    flow = "ip saddr . udp sport . ip daddr"
    sequential = _ports(FIRST_SEQUENTIAL_PORT, SEQUENTIAL_PORTS)
    hashed = _ports(FIRST_HASHED_PORT, HASHED_PORTS)
    return {
        "full-cone": ('iifname "wan" meta l4proto udp dnat ip to udp dport map @fc\n', plain),
        "address-restricted": (
            'iifname "wan" meta l4proto udp udp dport . ip saddr @adf dnat ip to udp dport map @fc\n',
            plain,
        ),
        "port-restricted": ("", plain),
        NO_DROP: ("", plain),
        # Without a random flag Linux gives a source the port that it already has.
        "port-restricted-nopreserve": (
            "",
            f"{out} meta l4proto {{ tcp, udp }} snat to {wan}:{OTHER_PORTS}\n{plain}",
        ),
        "symmetric": (
            "",
            f"{out} meta l4proto {{ tcp, udp }} snat to {wan}:1024-65535 fully-random\n{plain}",
        ),
        "symmetric-seq": ("", f"{udp} numgen inc mod {SEQUENTIAL_PORTS} {sequential}{plain}"),
        "addr-dep-mapping": ("", f"{udp} jhash {flow} mod {HASHED_PORTS} seed 0x5eed {hashed}{plain}"),
        "udp-blocked": ("", plain),
    }[kind]


def _ports(first: int, count: int) -> str:
    return f"map {{ {', '.join(f'{n} : {first + n}' for n in range(count))} }}\n"
