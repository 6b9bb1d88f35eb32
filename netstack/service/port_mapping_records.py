"""Which mappings we asked for, on disk before they are asked for: what a crash leaves behind is found again."""

import logging
import os
from pathlib import Path

import msgspec
import platformdirs

from netstack.model.address import Address
from netstack.model.port_mapping import Carried, MappingProtocol

MAX_RECORDS = 64
MAX_BYTES = 65_536

log = logging.getLogger(__name__)


def records_path() -> Path:
    """Where the user's list lives."""
    return platformdirs.user_state_path("peerscope", appauthor=False) / "port_mappings.json"


class Record(msgspec.Struct, frozen=True):
    """One mapping. `expires_at_s` counts from 1970; the nonce lets us delete it by PCP."""

    protocol: MappingProtocol
    gateway: str
    carried: Carried
    internal: Address
    external_port: int
    nonce: bytes
    expires_at_s: float


class Records:
    """The file; without a path everything is forgotten at the end. A broken file counts as empty."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._memory: tuple[Record, ...] = ()

    def read(self, wall_s: float) -> tuple[Record, ...]:
        """What has not expired yet."""
        if self._path is None:
            return self._memory
        try:
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(MAX_BYTES), type=tuple[Record, ...])
        except FileNotFoundError:
            return ()
        except (OSError, msgspec.DecodeError) as error:
            log.info("the list of port mappings cannot be read and is begun anew: %s", error)
            return ()
        return tuple(record for record in found if record.expires_at_s > wall_s)

    def put(self, record: Record, wall_s: float) -> None:
        """Adds a record, in the place of one with the same nonce."""
        others = [other for other in self.read(wall_s) if other.nonce != record.nonce]
        self._write((*others, record)[-MAX_RECORDS:])

    def remove(self, nonce: bytes, wall_s: float) -> None:
        """Takes a record away."""
        self._write(tuple(record for record in self.read(wall_s) if record.nonce != nonce))

    def _write(self, records: tuple[Record, ...]) -> None:
        self._memory = records
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.touch(mode=0o600)  # the nonces would let others on this computer end the mappings
            fresh.write_bytes(msgspec.json.encode(records))
            os.replace(fresh, self._path)  # noqa: PTH105 - on Windows, too, over the old one
        except OSError as error:
            log.info("the list of port mappings cannot be kept: %s", error)
