"""The report for the clipboard and for a file: complete, and silent about what is hidden."""

import json

from app.presenters.nat_text import report_json, report_text
from app.presenters.veil import of_report
from netstack.model.nat import Evidence, NatReport, ServerReport, Udp, Verdict

SERVER = ServerReport("stun:198.51.100.1:3478", "198.51.100.1:3478", True, 0.02, 0, mapped="203.0.113.7:4")
REPORT = NatReport(
    verdict=Verdict.OPEN,
    headline="Open - others can reach 203.0.113.7.",
    udp=Udp.OK,
    public_addresses=("203.0.113.7",),
    gateway_wan="203.0.113.7",
    servers=(SERVER,),
    evidence=(Evidence("mapping", "198.51.100.1:3478 saw port 4 as 203.0.113.7:4"),),
    advice=("Nothing to change.",),
)


def test_text_and_json_hide_the_address_everywhere_and_nothing_else():
    veil = of_report(REPORT)
    for text in (report_text(REPORT, veil), report_json(REPORT, veil)):
        assert "203.0.113.7" not in text
        assert "198.51.100.1:3478" in text
        assert "Nothing to change." in text


def test_shown_they_are_complete():
    lifted = of_report(REPORT, lifted=True)
    assert "203.0.113.7" in report_text(REPORT, lifted)
    assert json.loads(report_json(REPORT, lifted))["public_addresses"] == ["203.0.113.7"]
    assert json.loads(report_json(REPORT, lifted))["schema"] == "peerscope.nat/1"
