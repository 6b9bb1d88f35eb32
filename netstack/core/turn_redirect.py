"""Whether a client follows the ALTERNATE-SERVER that it was sent to (RFC 8489 section 10). Pure."""

from netstack.model.address import Address, Scope, scope


def why_not_follow(server: Address, alternate: Address | None, *, followed_one: bool) -> str:
    """Why not; empty when it is followed. A server never sends us somewhere less public than it is itself."""
    if alternate is None:
        return "it names none"
    if followed_one:
        return f"{alternate}, the second one in a row"
    if alternate.port == 0:
        return f"{alternate}, which is no port"
    if alternate == server:
        return f"{alternate}, which is itself"
    if alternate.family is not server.family:
        return f"{alternate}, which has another IP version"
    there = scope(alternate.host)
    if there is not scope(server.host) and there is not Scope.PUBLIC:
        return f"{alternate}, which is {there.value}"
    return ""
