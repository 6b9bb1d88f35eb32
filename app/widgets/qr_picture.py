"""Reads the QR code in a picture: a photo of a screen, a screenshot, or what somebody saved and sent."""

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QImageReader

from app.qr_reading import read_qr

MAX_SIDE = 2400
MAX_FILE_BYTES = 32 << 20


def text_of_picture(picture: QImage) -> str | None:
    """The text of the first QR code, one of ours before others; None where there is none."""
    if picture.isNull():
        return None
    if max(picture.width(), picture.height()) > MAX_SIDE:
        picture = picture.scaled(
            MAX_SIDE,
            MAX_SIDE,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
    grey = picture.convertToFormat(QImage.Format.Format_Grayscale8)
    return next(iter(read_qr(grey.constBits(), grey.bytesPerLine(), grey.height())), None)


def text_of_picture_file(path: Path) -> str | None:
    """The same of a file; None, too, where it is no picture or too large."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
    except OSError:
        return None
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)  # as the camera was held
    size = reader.size()
    if max(size.width(), size.height()) > MAX_SIDE:
        reader.setScaledSize(size.scaled(MAX_SIDE, MAX_SIDE, Qt.AspectRatioMode.KeepAspectRatio))
    return text_of_picture(reader.read())
