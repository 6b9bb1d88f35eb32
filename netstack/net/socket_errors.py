"""OSError of a socket call -> NetError."""

import asyncio
import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from netstack.errors import NetError

_R = NetError.Reason
_REASONS = {
    errno.ECONNREFUSED: _R.REFUSED,
    errno.ECONNRESET: _R.RESET,
    errno.EPIPE: _R.RESET,
    errno.ECONNABORTED: _R.RESET,
    errno.EHOSTUNREACH: _R.UNREACHABLE,
    errno.ENETUNREACH: _R.UNREACHABLE,
    errno.ENETDOWN: _R.UNREACHABLE,
    errno.EHOSTDOWN: _R.UNREACHABLE,
    errno.ETIMEDOUT: _R.TIMED_OUT,
    errno.EMSGSIZE: _R.TOO_BIG,
    errno.EACCES: _R.DENIED,
    errno.EPERM: _R.DENIED,
    errno.EADDRINUSE: _R.IN_USE,
    errno.EADDRNOTAVAIL: _R.NO_ADDRESS,
    errno.EAFNOSUPPORT: _R.NO_ADDRESS,
    errno.EBADF: _R.CLOSED,
    errno.ENOTCONN: _R.CLOSED,
}


def reason_of(code: int | None) -> NetError.Reason:
    """The reason that an errno stands for."""
    return _REASONS.get(code or 0, _R.FAILED)


def net_error(error: OSError, detail: str = "") -> NetError:
    """What the system said, as an error of ours; `detail` says where."""
    if isinstance(error, ssl.SSLError):
        return NetError(_R.TLS, getattr(error, "verify_message", "") or error.reason or detail)
    reason = reason_of(error.errno)
    if reason is _R.FAILED:
        detail = f"{detail}: {error.strerror or error}" if detail else str(error.strerror or error)
    return NetError(reason, detail)


@asynccontextmanager
async def connecting(remote: object, timeout_s: float) -> AsyncIterator[None]:
    """A connection is tried for `timeout_s`; what goes wrong is a NetError that names `remote`."""
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError as error:
        raise NetError(_R.TIMED_OUT, str(remote)) from error
    except OSError as error:
        raise net_error(error, str(remote)) from error
