"""The window's colours, fonts and icons, all from `resources/themes/tokens.toml`."""

import sys
import tomllib
from enum import StrEnum
from pathlib import Path
from string import Template

import msgspec
from PySide6.QtCore import QByteArray, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QFontInfo, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QStyleFactory

RESOURCES = Path(__file__).parents[2] / "resources"


class Choice(StrEnum):
    """What the View switch offers; system follows the desktop."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"
    HIGH_CONTRAST = "high-contrast"


class Tokens(msgspec.Struct, frozen=True):
    """The colours of one scheme, as `#RRGGBB`."""

    window: str
    sidebar: str
    surface: str
    sunken: str
    line: str
    outline: str
    text: str
    muted: str
    accent: str
    on_accent: str
    good: str
    warn: str
    bad: str
    unknown: str
    udp: str
    tcp: str
    turn: str
    ble: str
    webrtc: str

    @property
    def plain(self) -> str:
        """The colour of a value that is neither good nor bad."""
        return self.text


class Measure(msgspec.Struct, frozen=True):
    """Lengths in device-independent pixels."""

    unit: int
    radius: int
    sidebar: int
    row: int
    content_max: int


class Type(msgspec.Struct, frozen=True):
    """The three text sizes: the body in pixels, the others relative to it."""

    body_px: int
    small: float
    headline: float


class Sheet(msgspec.Struct, frozen=True):
    """The whole of tokens.toml."""

    measure: Measure
    type: Type
    light: Tokens
    dark: Tokens
    high_contrast: Tokens = msgspec.field(name="high-contrast")


def load_sheet() -> Sheet:
    """Reads tokens.toml."""
    return msgspec.convert(tomllib.loads((RESOURCES / "themes" / "tokens.toml").read_text("utf-8")), Sheet)


def blend(over: str, under: str, share: float) -> str:
    """`share` of one colour laid over another, as `#rrggbb`."""
    a, b = QColor(over), QColor(under)
    mixed = (
        round(x * share + y * (1 - share))
        for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True)  # type: ignore[index]
    )
    return QColor(*mixed).name()


class Theme(QObject):
    """Dresses the application and everything that paints itself. `changed`: colours or fonts are others."""

    changed = Signal()

    def __init__(self, app: QApplication, choice: Choice = Choice.SYSTEM) -> None:
        super().__init__()
        self._app = app
        self._sheet = load_sheet()
        self._style = Template((RESOURCES / "themes" / "window.qss").read_text("utf-8"))
        self._pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
        self._svgs: dict[str, str] = {}
        self.choice = choice
        self.measure = self._sheet.measure
        self.tokens = self._sheet.light
        app.setStyle(QStyleFactory.create("Fusion"))
        self._font = QFont(app.font())
        if sys.platform == "linux":  # which promises no font of its own for windows
            families = {
                family
                for path in sorted((RESOURCES / "fonts").glob("*.otf"))
                for family in QFontDatabase.applicationFontFamilies(
                    QFontDatabase.addApplicationFont(str(path))
                )
            }
            self._font.setFamilies([*sorted(families), *self._font.families()])
        self._font.setFeature(QFont.Tag("tnum"), 1)  # figures of one width
        self._font.setPixelSize(max(self._sheet.type.body_px, QFontInfo(app.font()).pixelSize()))
        app.setFont(self._font)
        self.choose(choice)
        app.styleHints().colorSchemeChanged.connect(self._follow)
        app.styleHints().accessibility().contrastPreferenceChanged.connect(self._follow)

    def choose(self, choice: Choice) -> None:
        """Takes another scheme, at once and everywhere."""
        self.choice = choice
        self.tokens = self._resolve()
        self._pixmaps.clear()
        self._app.setPalette(self._palette())
        self._app.setStyleSheet(self._style.substitute(self._words()))
        self.changed.emit()

    def color(self, name: str, share: float = 1.0) -> QColor:
        """A token; `share` below 1 lays it over the surface."""
        given = getattr(self.tokens, name)
        return QColor(given if share == 1.0 else blend(given, self.tokens.surface, share))

    def font(self, size: str = "body", *, strong: bool = False) -> QFont:
        """One of the two text sizes (`body`, `small`) or the `headline`."""
        font = QFont(self._font)
        scale = {"body": 1.0, "small": self._sheet.type.small, "headline": self._sheet.type.headline}[size]
        font.setPixelSize(round(self._font.pixelSize() * scale))
        if strong:
            font.setWeight(QFont.Weight.DemiBold)
        return font

    def pixmap(self, name: str, color: str, size: int) -> QPixmap:
        """An icon of `resources/icons` in a token's colour, sharp on this screen."""
        ratio = self._app.devicePixelRatio()
        key = (name, color, size, ratio)
        if key not in self._pixmaps:
            if name not in self._svgs:
                self._svgs[name] = (RESOURCES / "icons" / f"{name}.svg").read_text("utf-8")
            pixmap = QPixmap(round(size * ratio), round(size * ratio))
            pixmap.fill(Qt.GlobalColor.transparent)
            text = self._svgs[name].replace("currentColor", self.color(color).name())
            painter = QPainter(pixmap)
            QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(pixmap.rect()))
            painter.end()
            pixmap.setDevicePixelRatio(ratio)
            self._pixmaps[key] = pixmap
        return self._pixmaps[key]

    def icon(self, name: str, color: str = "text", size: int = 20) -> QIcon:
        """The same as an icon, pale when disabled."""
        icon = QIcon(self.pixmap(name, color, size))
        icon.addPixmap(self.pixmap(name, "outline", size), QIcon.Mode.Disabled)
        return icon

    def _follow(self) -> None:
        if self.choice is Choice.SYSTEM:
            self.choose(Choice.SYSTEM)

    def _resolve(self) -> Tokens:
        hints = self._app.styleHints()
        match self.choice:
            case Choice.LIGHT:
                return self._sheet.light
            case Choice.DARK:
                return self._sheet.dark
            case Choice.HIGH_CONTRAST:
                return self._sheet.high_contrast
        if hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
            return self._sheet.high_contrast
        return self._sheet.dark if hints.colorScheme() == Qt.ColorScheme.Dark else self._sheet.light

    def _palette(self) -> QPalette:
        tokens, palette, role = self.tokens, QPalette(), QPalette.ColorRole
        for where, color in (
            (role.Window, tokens.window),
            (role.WindowText, tokens.text),
            (role.Base, tokens.surface),
            (role.AlternateBase, tokens.sunken),
            (role.Text, tokens.text),
            (role.PlaceholderText, tokens.muted),
            (role.Button, tokens.surface),
            (role.ButtonText, tokens.text),
            (role.BrightText, tokens.bad),
            (role.Highlight, tokens.accent),
            (role.HighlightedText, tokens.on_accent),
            (role.Link, tokens.accent),
            (role.ToolTipBase, tokens.surface),
            (role.ToolTipText, tokens.text),
            (role.Light, tokens.surface),
            (role.Mid, tokens.line),
            (role.Dark, tokens.outline),
        ):
            palette.setColor(where, QColor(color))
        for where in (role.WindowText, role.Text, role.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(self._words()["faint"]))
        return palette

    def _words(self) -> dict[str, str | int]:
        tokens = self.tokens
        ink = "light" if tokens.on_accent.upper() == "#FFFFFF" else "dark"
        return {
            **msgspec.structs.asdict(tokens),
            **msgspec.structs.asdict(self.measure),
            "hover": blend(tokens.text, tokens.surface, 0.06),
            "pressed": blend(tokens.text, tokens.surface, 0.12),
            "selected": blend(tokens.accent, tokens.surface, 0.16),
            "accent_hover": blend(tokens.accent, tokens.text, 0.86),
            "faint": blend(tokens.muted, tokens.surface, 0.65),
            "tick": (RESOURCES / "themes" / f"tick-{ink}.svg").as_posix(),
            "scroll": blend(tokens.outline, tokens.surface, 0.45),
        }
