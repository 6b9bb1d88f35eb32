"""The web proxy that this computer is set to use."""

import pytest

from netstack.net.web_proxy import read_web_proxy


@pytest.mark.skipif("sys.platform != 'linux'", reason="elsewhere the system is asked too")
@pytest.mark.parametrize(
    ("name", "value", "proxy"),
    [
        ("https_proxy", "http://proxy.example:3128", "proxy.example:3128"),
        ("https_proxy", "http://ana:secret@proxy.example:3128/", "proxy.example:3128"),
        ("http_proxy", "proxy.example", "proxy.example"),
        ("all_proxy", "socks5://[2001:db8::1]:1080", "[2001:db8::1]:1080"),
        ("https_proxy", "http://proxy.example:port", "proxy.example"),
        ("no_proxy", "localhost", None),
        ("https_proxy", "", None),
    ],
)
def test_its_place_is_told_and_never_a_password(monkeypatch, name, value, proxy) -> None:
    for known in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(known, raising=False)
        monkeypatch.delenv(known.upper(), raising=False)
    monkeypatch.setenv(name, value)
    assert read_web_proxy() == proxy
