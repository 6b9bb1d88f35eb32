"""Networks where data costs money, in words."""

from app.presenters.networks import cost_warning, network_cost
from netstack.model.network_cost import NetworkCost, ToldBy

HERE = NetworkCost("wlan0", "192.0.2.0/24", ("192.0.2.7",), leads=True)


def known(metered, told_by):
    return (
        NetworkCost("eth9", "10.0.0.0/8"),
        NetworkCost("wlan0", "192.0.2.0/24", (), metered, told_by, True),
    )


def test_without_a_network_nothing_is_asked():
    assert network_cost(()).network == ""
    assert network_cost((NetworkCost("docker9", "10.0.0.0/8"),)).network == ""
    assert cost_warning(()) == "On a metered line that may cost money."


def test_what_is_known_and_from_whom():
    view = network_cost((HERE,))
    assert (view.network, view.label) == ("192.0.2.0/24", "Data costs money here (wlan0)")
    assert (view.metered, view.fixed) == (False, False)
    assert "Neither you nor the system" in view.hint
    yours = network_cost(known(True, ToldBy.USER))
    assert (yours.metered, yours.fixed) == (True, False)
    systems = network_cost(known(True, ToldBy.SYSTEM))
    assert (systems.metered, systems.fixed) == (True, True)
    assert "The system says that it is metered" in systems.hint


def test_the_question_before_much_is_sent_says_it():
    assert cost_warning(known(True, ToldBy.SYSTEM)) == "This network (wlan0) is metered: that costs money."
    assert cost_warning(known(False, ToldBy.SYSTEM)) == "This network (wlan0) is not metered."
