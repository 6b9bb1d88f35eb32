"""Which public port a sequential symmetric NAT will give next. Pure.

Such a NAT counts: every new destination gets the port a fixed step further. Two or more servers, asked one after the
other from one socket, show the step; the next few ports are then worth checking at. A NAT that draws its ports at
random shows no step, and nothing is predicted.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

MAX_STEP: Final = 8
PREDICTED: Final = 8
EARLIER: Final = 3
LEAST_PORT, MOST_PORT = 1024, 65535


def predict_ports(seen: Sequence[int]) -> tuple[int, ...]:
    """The next ports, from those that distinct servers saw, in the order of asking; empty when there is no rule.

    Others behind the same NAT take ports in between, so steps may differ; the least one counts. Ports between and
    just before those seen come last: a check may have left before the servers were asked.
    """
    steps = [later - earlier for earlier, later in pairwise(seen)]
    if not steps or any(not 0 < abs(step) <= MAX_STEP for step in steps):
        return ()
    if len({step > 0 for step in steps}) > 1:
        return ()
    step = min(steps, key=abs)
    after = [seen[-1] + step * number for number in range(1, PREDICTED + 1)]
    between = [port for port in range(seen[0], seen[-1], step) if port not in seen]
    before = [seen[0] - step * number for number in range(1, EARLIER + 1)]
    return tuple(port for port in (*after, *between, *before) if LEAST_PORT <= port <= MOST_PORT)
