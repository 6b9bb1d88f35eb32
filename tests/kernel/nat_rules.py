"""NATs of the kernel: one nftables ruleset for each kind, in the words of RFC 4787.

Linux alone gives endpoint-independent mapping with address- and port-dependent filtering: a source keeps
its public port as long as no other holds it. The other behaviours are built from what chains have learned.
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

CONES = ("full-cone", "address-restricted")
HAIRPINS = (*CONES, "port-restricted", "port-restricted-nopreserve")

INSIDE = "{ 10.0.0.0/8, 100.64.0.0/10 }"
# Below what clients use as source ports (Linux 32768 and up, Vovida 16384), lest one be kept by chance.
OTHER_PORTS = "1024-15999"
FIRST_SEQUENTIAL_PORT, SEQUENTIAL_PORTS = 20000, 2048

OPEN = "flush ruleset\n"
FIREWALL = """flush ruleset
table ip nat {
  chain forw { type filter hook forward priority 0; policy accept;
    ct state established,related accept
    iifname "wan" drop
  }
}
"""


def ruleset(kind: str, wan: str, *, hairpin: bool = False, idle_s: int = 30) -> str:
    """The nft script of a NAT with the public address `wan` on `wan` and the inside on `lan`.

    What the script itself has learned of a mapping it forgets after `idle_s`. Raises KeyError for an unknown
    kind.
    """
    if kind in ROUTED:
        return {"open": OPEN, "firewall": FIREWALL}[kind]
    pre, post = _rules(kind, wan)
    turns_back = hairpin and kind in HAIRPINS
    if turns_back:
        pre += f'iifname "lan" ip daddr {wan} meta l4proto udp dnat ip to udp dport map @fc\n'
        post += f'oifname "lan" ip saddr {INSIDE} ip daddr {INSIDE} ct status & dnat != 0 snat to {wan}\n'
    memory, learn = _learning(kind, idle_s, turns_back=turns_back)
    return f"""flush ruleset
table ip nat {{
  {memory}
  chain learn {{ type filter hook postrouting priority srcnat + 10;
    {learn}
  }}
  chain input {{ type filter hook input priority 0; policy accept;
    {"" if kind == NO_DROP else 'iifname "wan" ct state new meta l4proto udp drop'}
  }}
  chain forw {{ type filter hook forward priority 0; policy accept;
    {"meta l4proto udp drop" if kind == "udp-blocked" else ""}
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
    both = f"{out} meta l4proto {{ tcp, udp }} snat to {wan}"
    ports = ", ".join(f"{n} : {FIRST_SEQUENTIAL_PORT + n}" for n in range(SEQUENTIAL_PORTS))
    to_mapped = "dnat ip to udp dport map @fc\n"
    return {
        "full-cone": (f'iifname "wan" meta l4proto udp {to_mapped}', plain),
        "address-restricted": (
            f'iifname "wan" meta l4proto udp udp dport . ip saddr @adf {to_mapped}',
            plain,
        ),
        "port-restricted": ("", plain),
        NO_DROP: ("", plain),
        # Without a random flag Linux gives a source the port that it already has.
        "port-restricted-nopreserve": ("", f"{both}:{OTHER_PORTS}\n{plain}"),
        "addr-dep-mapping": (
            "",
            f"{udp} ip saddr . udp sport . ip daddr map @adm\n{both}:{OTHER_PORTS} fully-random\n{plain}",
        ),
        "symmetric": ("", f"{both}:1024-65535 fully-random\n{plain}"),
        "symmetric-seq": ("", f"{udp} numgen inc mod {SEQUENTIAL_PORTS} map {{ {ports} }}\n{plain}"),
        "udp-blocked": ("", plain),
    }[kind]


def _learning(kind: str, idle_s: int, *, turns_back: bool) -> tuple[str, str]:
    """What a kind remembers of the packets that left: its maps and sets, and the rules that fill them."""
    forgets = f"flags dynamic,timeout; timeout {idle_s}s; size 65535;"
    inside = "ct original ip saddr . ct original proto-src"
    leaving = 'oifname "wan" meta l4proto udp'
    if kind in CONES or turns_back:
        memory = f"""map fc {{ type inet_service : ipv4_addr . inet_service; {forgets} }}
  set adf {{ type inet_service . ipv4_addr; {forgets} }}"""
        learn = f"""{leaving} ct direction original update @fc {{ udp sport : {inside} }}
    {leaving} update @adf {{ udp sport . ip daddr }}"""
        return memory, learn
    if kind == "addr-dep-mapping":
        return (
            f"map adm {{ type ipv4_addr . inet_service . ipv4_addr : inet_service; {forgets} }}",
            f"{leaving} ct direction original update @adm {{ {inside} . ip daddr : udp sport }}",
        )
    return "", ""
