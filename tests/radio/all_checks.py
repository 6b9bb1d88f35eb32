"""Every check, in the order in which they run."""

from tests.radio import checks, command_checks, removal_checks, session_checks
from tests.radio.checks import CHECKS

__all__ = ["CHECKS", "checks", "command_checks", "removal_checks", "session_checks"]
