"""One aioquic stream over loopback between two processes. `python -m tests.bench.aioquic_stream MEGABYTES`."""

import asyncio
import datetime
import json
import multiprocessing
import ssl
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.bench import far_place

DATAGRAM_BYTES = 1452
WINDOW = 64 << 20


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def _configuration(*, client: bool) -> QuicConfiguration:
    configuration = QuicConfiguration(
        is_client=client,
        alpn_protocols=["bench"],
        max_datagram_size=DATAGRAM_BYTES,
        max_data=WINDOW,
        max_stream_data=WINDOW,
    )
    if client:
        configuration.verify_mode = ssl.CERT_NONE
    return configuration


async def _receive(pipe: Connection, total: int) -> None:
    done = asyncio.Event()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got = 0
        while got < total:
            got += len(await reader.read(1 << 20))
        writer.write(b"done")
        writer.write_eof()
        done.set()

    def taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.append(asyncio.get_running_loop().create_task(take(reader, writer)))

    tasks: list[asyncio.Task[None]] = []
    with tempfile.TemporaryDirectory() as folder:
        configuration = _configuration(client=False)
        configuration.load_cert_chain(*_certificate(Path(folder)))
        server = await serve(far_place.far_host(), 0, configuration=configuration, stream_handler=taken)
        pipe.send(server._transport.get_extra_info("sockname")[1])  # type: ignore[attr-defined]
        await done.wait()
        await asyncio.sleep(0.2)
        server.close()


def receive(pipe: Connection, total: int) -> None:
    """The receiving process."""
    far_place.enter()
    asyncio.run(_receive(pipe, total))


async def _send(port: int, total: int) -> float:
    async with connect(far_place.far_host(), port, configuration=_configuration(client=True)) as client:
        reader, writer = await client.create_stream()
        chunk = bytes(1 << 20)
        began = time.perf_counter()
        for _ in range(total // len(chunk)):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
        assert await reader.read(4) == b"done"
        return time.perf_counter() - began


def main(megabytes: int) -> None:
    """Sends, and prints goodput in bit/s."""
    total = megabytes << 20
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=receive, args=(theirs, total))
    process.start()
    took_s = asyncio.run(_send(ours.recv(), total))
    process.join(5)
    print(
        json.dumps(
            {"program": "aioquic", "throughput_bps": total * 8 / took_s, "datagram_bytes": DATAGRAM_BYTES}
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
