"""The web proxy that this computer is set to use."""

from urllib.parse import urlsplit


def read_web_proxy() -> str | None:
    """`host:port` of the proxy for https, else http; None without one. A user name or password in it is left out."""
    import urllib.request  # noqa: PLC0415 - half of the standard library, for one rare question

    proxies = urllib.request.getproxies()
    text = proxies.get("https") or proxies.get("http") or proxies.get("all")
    if not text:
        return None
    parts = urlsplit(text if "//" in text else f"//{text}")
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{host}:{port}" if port else host
