"""In which order the servers of an SRV record are tried (RFC 2782). Pure."""

from collections.abc import Iterable

from netstack.wire.dns import Srv


def in_order(records: Iterable[Srv], entropy: bytes) -> tuple[Srv, ...]:
    """By priority, and within one by chance according to the weights; two bytes of `entropy` for each."""
    dice = iter(entropy)
    ordered: list[Srv] = []
    left = sorted(records, key=lambda each: (each.priority, each.weight))
    while left:
        best = [each for each in left if each.priority == left[0].priority]
        whole = sum(each.weight for each in best)
        drawn = (next(dice, 0) << 8 | next(dice, 0)) * (whole + 1) >> 16
        for each in best:
            drawn -= each.weight
            if drawn <= 0:
                ordered.append(each)
                left.remove(each)
                break
    return tuple(ordered)
