"""Finds QR codes in the pixels of a picture."""


def read_qr(grey: bytes | bytearray | memoryview, width: int, height: int) -> tuple[str, ...]:
    """The texts of the codes in rows of `width` bytes, one a pixel, dark to light; one of ours before others."""
    import zxingcpp  # noqa: PLC0415 - only who has a picture needs it

    rows = memoryview(grey).cast("B", (height, width))
    found = zxingcpp.read_barcodes(rows, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    return tuple(sorted((each.text for each in found), key=lambda text: not text.startswith("peerscope")))
