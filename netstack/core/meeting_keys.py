"""What SPAKE2 gives two who meet: proofs, sealing keys and the psk, all bound to the transcript. Pure."""

import hmac
from hashlib import sha256

from netstack.wire.signal import Reply


def identities(nameplate: str) -> dict[str, bytes]:
    """Both roles, as SPAKE2 is told them."""
    plate = nameplate.encode()
    return {"idA": b"peerscope 1 host " + plate, "idB": b"peerscope 1 guest " + plate}


class MeetingKeys:
    """Made of SPAKE2's key, the guest's reply (but its proof) and the element that the host offered (docs/wire.md 7)."""

    def __init__(self, spake_key: bytes, nameplate: str, reply: Reply, offered: bytes) -> None:
        parts = (*identities(nameplate).values(), reply.attempt, reply.guest, offered, reply.element)
        transcript = b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        self._secret = hmac.digest(spake_key, b"peerscope meeting" + sha256(transcript).digest(), "sha256")
        self.psk = self._derive(b"psk")
        self.host_proof, self.guest_proof = self._derive(b"host proof"), self._derive(b"guest proof")
        self.host_seal, self.guest_seal = self._derive(b"host seal"), self._derive(b"guest seal")

    def _derive(self, label: bytes) -> bytes:
        return hmac.digest(self._secret, label, "sha256")
