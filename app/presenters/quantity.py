"""Numbers as people read them: three significant digits, a unit, thin spaces in thousands."""

from datetime import datetime

THIN = "\N{NARROW NO-BREAK SPACE}"
NOT_MEASURED = "not measured"
_UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))
_ROUND = 0.9995  # 999.9 kB reads as 1.00 MB


def digits(value: float) -> str:
    """Three significant digits; thousands apart by thin spaces: 0.0123, 12.3, 1 230."""
    if value == 0:
        return "0"
    whole = abs(value)
    decimals = 0 if whole >= 99.95 else 1 if whole >= 9.995 else 2 if whole >= 0.9995 else 3
    return f"{value:,.{decimals}f}".replace(",", THIN)


def duration(seconds: float) -> str:
    """A measured time, in the unit that suits it: 340 µs, 12.3 ms, 1.50 s, 2 min 5 s."""
    if seconds < 0.0009995:
        return f"{digits(seconds * 1e6)}{THIN}µs"
    if seconds < 0.9995:
        return f"{digits(seconds * 1e3)}{THIN}ms"
    if seconds < 119.5:
        return f"{digits(seconds)}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}{THIN}min" + (f" {rest}{THIN}s" if rest else "")


def percent(share: float) -> str:
    """A share of one."""
    return f"{round(share * 100)}{THIN}%"


def ago(seconds: float) -> str:
    """How long ago, coarsely, so that it does not flicker."""
    if seconds < 5:
        return "just now"
    if seconds < 60:
        return f"{int(seconds // 5) * 5}{THIN}s ago"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)}{THIN}{unit} ago"
    raise AssertionError


def moment(at_s: float) -> str:
    """The exact local time of `at_s` (seconds since 1970), with its offset from UTC."""
    return datetime.fromtimestamp(at_s).astimezone().isoformat(sep=" ", timespec="seconds")


def size(count: int) -> str:
    """Bytes as people read them: 17 B, 1.20 MB."""
    for unit, name in _UNITS:
        if count >= unit * _ROUND:
            return f"{digits(count / unit)}{THIN}{name}"
    return f"{count}{THIN}B"
