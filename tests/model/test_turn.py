"""Every way in which TURN fails has a fault, a sentence and a remedy."""

import pytest

from netstack.model.turn import TurnError


@pytest.mark.parametrize("reason", TurnError.Reason)
def test_every_reason_is_a_sentence_and_a_remedy(reason):
    error = TurnError(reason)
    assert error.fault
    assert error.sentence.endswith(".")
    assert error.remedy.endswith(".")


def test_codes_are_those_of_rfc_8656():
    assert list(TurnError.CODES) == [300, 400, 401, 403, 420, 437, 438, 440, 441, 442, 443, 486, 508]
    assert TurnError.of_code(599).reason is TurnError.Reason.SERVER
    assert TurnError.of_code(486, "Quota\n").detail == "486 Quota?"
