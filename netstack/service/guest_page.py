"""The page that a guest's browser shows: one document, nothing loaded from outside, only its own script may run."""

import base64
import functools
import hashlib
import html
import json
import re
import tomllib
from string import Template
from typing import Final

from netstack.config import RESOURCES

PATH: Final = "/guest"
SCRIPTS: Final = ("pact.js", "sdp.js", "notes.js", "link.js", "page.js")
_HOST: Final = re.compile(r"[A-Za-z0-9.:-]{1,260}")


def page(*, mailboxes: str = "", fragment: str = "", host: str = "", connect: str = "'self'") -> bytes:
    """The document. The first three are for a page that is sent as a file and has no address of its own to tell them:
    where mailboxes are (`ws://HOST:PORT`), what would stand behind the #, and who invites. `connect` is what the page
    may connect to, as a content security policy says it.
    """
    parts = {
        name: value
        for name, value in (("mailboxes", mailboxes), ("fragment", fragment), ("host", host))
        if value
    }
    document = Template((RESOURCES / "guest" / "page.html").read_text("utf-8")).substitute(
        policy=html.escape(policy(connect), quote=True),
        style=_style(),
        script=_script(),
        given=html.escape(json.dumps(parts), quote=True),
    )
    return document.encode()


def policy(connect: str) -> str:
    """The content security policy (CSP 3): our own script and style by their hashes, connections to `connect`."""
    return (
        f"default-src 'none'; script-src '{_sha256(_script())}'; style-src '{_sha256(_style())}'; "
        f"img-src data: blob:; connect-src {connect}; base-uri 'none'; form-action 'none'"
    )


def headers(host: str) -> tuple[tuple[str, str], ...]:
    """What goes with the page over http; `host` is the request's Host."""
    return (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", f"{policy(sources(host))}; frame-ancestors 'none'"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"),
    )


def sources(host: str) -> str:
    """Where a page from `host` finds its mailbox. A policy cannot name an IPv6 address: there it allows every WebSocket."""
    if host.startswith("["):
        return "'self' ws: wss:"
    return f"'self' ws://{host} wss://{host}" if _HOST.fullmatch(host) else "'self'"


@functools.cache
def _script() -> str:
    return "\n".join((RESOURCES / "guest" / name).read_text("utf-8") for name in SCRIPTS)


@functools.cache
def _style() -> str:
    """The style sheet in the window's own colours."""
    tokens = tomllib.loads((RESOURCES / "themes" / "tokens.toml").read_text("utf-8"))
    schemes = {
        name: "".join(f"--{key}: {value}; " for key, value in tokens[name].items() if value.startswith("#"))
        for name in ("light", "dark", "high-contrast")
    }
    variables = (
        f":root {{ {schemes['light']}color-scheme: light; }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {schemes['dark']}color-scheme: dark; }} }}\n"
        f"@media (prefers-contrast: more) {{ :root {{ {schemes['high-contrast']}color-scheme: dark; }} }}"
    )
    return Template((RESOURCES / "guest" / "style.css").read_text("utf-8")).substitute(tokens=variables)


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
