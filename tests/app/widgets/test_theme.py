"""Themes: every text can be read, every icon is one stroke on the grid, a switch reaches everything."""

import re
import xml.etree.ElementTree as ET

import pytest
from PySide6.QtGui import QColor

from app.widgets.theme import RESOURCES, Choice, Theme, load_sheet

SCHEMES = ("light", "dark", "high_contrast")


def luminance(color: str) -> float:
    """WCAG 2.2 relative luminance."""
    parts = [channel / 255 for channel in QColor(color).getRgb()[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_and_status_can_be_read_on_every_ground(scheme):
    tokens = getattr(load_sheet(), scheme)
    least = 7 if scheme == "high_contrast" else 4.5
    for ground in (tokens.window, tokens.sidebar, tokens.surface, tokens.sunken):
        for ink in ("text", "muted", "accent", "good", "warn", "bad", "unknown"):
            assert contrast(getattr(tokens, ink), ground) >= least, (ink, ground)
        assert contrast(tokens.outline, ground) >= 3
    assert contrast(tokens.on_accent, tokens.accent) >= least


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_two_meanings_share_a_colour(scheme):
    tokens = getattr(load_sheet(), scheme)
    meanings = [getattr(tokens, name) for name in (
        "good", "warn", "bad", "unknown", "udp", "tcp", "turn", "ble", "webrtc", "accent")]  # fmt: skip
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize("path", sorted((RESOURCES / "icons").glob("*.svg")), ids=lambda path: path.stem)
def test_icons_are_one_stroke_on_a_24_px_grid(path):
    root = ET.parse(path).getroot()
    if path.stem == "peerscope":
        return
    assert root.get("viewBox") == "0 0 24 24"
    assert root.get("stroke") == "currentColor"
    assert root.get("fill") == "none"
    assert len(re.findall("stroke-width", path.read_text("utf-8"))) == 1


def test_a_switch_changes_palette_style_and_icons(qapp):
    theme = Theme(qapp, Choice.LIGHT)
    told = []
    theme.changed.connect(lambda: told.append(theme.tokens.window))
    light = theme.pixmap("nat", "text", 24).toImage()
    theme.choose(Choice.DARK)
    assert told == [load_sheet().dark.window]
    assert qapp.palette().window().color() == QColor(load_sheet().dark.window)
    assert load_sheet().dark.accent in qapp.styleSheet()
    assert theme.pixmap("nat", "text", 24).toImage() != light


def test_three_sizes_of_text(qapp):
    theme = Theme(qapp, Choice.LIGHT)
    small, body, headline = (theme.font(size).pixelSize() for size in ("small", "body", "headline"))
    assert small < body < headline
