"""Networks where data costs money: what is known of the one that leads out, in words."""

from typing import NamedTuple

from netstack.model.network_cost import NetworkCost, ToldBy


class NetworkCostView(NamedTuple):
    """`network` is what the user's choice is kept by; empty where there is no network. `fixed`: the system says so."""

    network: str = ""
    label: str = ""
    hint: str = ""
    metered: bool = False
    fixed: bool = False


def network_cost(networks: tuple[NetworkCost, ...]) -> NetworkCostView:
    """Of the network that leads out of this computer."""
    here = next((each for each in networks if each.leads), None)
    if here is None:
        return NetworkCostView()
    told = {
        ToldBy.USER: "You have said so; it is kept in the settings.",
        ToldBy.SYSTEM: f"The system says that it {'is' if here.metered else 'is not'} metered.",
        ToldBy.NOBODY: "Neither you nor the system has said so.",
    }[here.told_by]
    where = here.interface if here.network == here.interface else f"{here.interface}, {here.network}"
    return NetworkCostView(
        here.network,
        f"Data costs money here ({here.interface})",
        f"{where}. {told}\nThen other ways go first, backups too, unless this one is much quicker.",
        here.metered is True,
        here.metered is True and here.told_by is ToldBy.SYSTEM,
    )


def cost_warning(networks: tuple[NetworkCost, ...]) -> str:
    """The sentence before something large is sent."""
    here = next((each for each in networks if each.leads), None)
    if here is not None and here.metered is True:
        return f"This network ({here.interface}) is metered: that costs money."
    if here is not None and here.metered is False:
        return f"This network ({here.interface}) is not metered."
    return "On a metered line that may cost money."
