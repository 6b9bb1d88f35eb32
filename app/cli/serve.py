"""`peerscope serve`: become the server that the other side needs."""

import asyncio
import ipaddress
import os
import secrets
import signal
import ssl
import time
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import ConfigOption
from netstack.config import load_config
from netstack.core.place import parse_place
from netstack.core.turn_uri import DEFAULT_TLS_PORT
from netstack.errors import InputError, NetError
from netstack.model.address import Address, Family
from netstack.net.interfaces import read_interfaces
from netstack.net.system import SystemNet
from netstack.observe.prometheus import MetricsPage, Registry
from netstack.server.machine import Server
from netstack.server.stun import StunServer
from netstack.server.turn import TurnServer
from netstack.server.turn_budget import TurnLimits
from netstack.server.turn_credentials import Credentials
from netstack.server.turn_peers import PeerPolicy
from netstack.service.rendezvous_host import RendezvousHost, parse_listen
from netstack.service.serve import ServerHost
from netstack.service.serve_metrics import ServeMetrics
from netstack.tasks import TaskScope

STUN_PORT = 3478


def serve(
    stun: Annotated[bool, typer.Option("--stun", help="Answer STUN requests.")] = False,
    turn: Annotated[
        bool, typer.Option("--turn", help="Relay for others (TURN), with fresh credentials.")
    ] = False,
    listen: Annotated[
        list[str] | None,
        typer.Option(
            help="An address to serve on; two give STUN a second one (RFC 5780). Default: loopback."
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port.")] = STUN_PORT,
    allow_peer: Annotated[
        list[str] | None,
        typer.Option(help="A network (CIDR) that the relay may reach although it is private."),
    ] = None,
    external: Annotated[
        str | None, typer.Option(help="The public address to tell clients, behind a 1:1 NAT.")
    ] = None,
    rendezvous: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Keep mailboxes there, by which two find each other."),
    ] = None,
    tls_cert: Annotated[
        Path | None,
        typer.Option(
            help="Certificate chain (PEM): mailboxes are then wss://, and the relay speaks turns: too."
        ),
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key (PEM).")] = None,
    tls: Annotated[
        tuple[Path, Path] | None,
        typer.Option(metavar="CERT KEY", help="Both at once, as --tls-cert and --tls-key."),
    ] = None,
    tls_port: Annotated[
        int,
        typer.Option(min=1, max=65535, help="Where the relay takes TLS; 443 passes where little else does."),
    ] = DEFAULT_TLS_PORT,
    metrics: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Let Prometheus read there how full the servers are."),
    ] = None,
    config: ConfigOption = None,
) -> int:
    """Serves STUN, TURN and mailboxes until Ctrl-C. Binds loopback unless an address is given."""
    load_config(config)
    if not stun and not turn and rendezvous is None:
        raise InputError(InputError.Reason.USAGE, "say what to serve: --stun, --turn, --rendezvous HOST:PORT")
    hosts = [_host(text) for text in listen or ["127.0.0.1"]]
    if len(hosts) > 2:
        raise InputError(InputError.Reason.USAGE, "one or two addresses are served")
    servers, lines = _servers(hosts, port, stun=stun, turn=turn, allow=allow_peer or [], external=external)
    relay_hosts = {Address(host, 0).family: host for host in reversed(hosts)}
    mailboxes = None
    secure = _tls(*(tls or (tls_cert, tls_key)))
    if rendezvous is not None:
        mailboxes = RendezvousHost(parse_listen(rendezvous), tls=secure)
    if turn and secure is not None:
        lines.append(f"TURN over TLS on turns:{Address(hosts[0], tls_port)}, by the name in the certificate")
    place = None if metrics is None else parse_place(metrics)
    return asyncio.run(
        _run(servers, relay_hosts, lines, mailboxes, place, (secure if turn else None, tls_port))
    )


def _tls(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None:
        if key is not None:
            raise InputError(InputError.Reason.USAGE, "--tls-key needs --tls-cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:
        raise InputError(InputError.Reason.FILE, f"{cert}: {error.strerror or error}") from error
    return context


def _host(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise InputError(InputError.Reason.USAGE, f"{text!r} is no IP address") from error


def _servers(
    hosts: list[str], port: int, *, stun: bool, turn: bool, allow: list[str], external: str | None
) -> tuple[list[Server], list[str]]:
    servers: list[Server] = []
    lines: list[str] = []
    binding = None
    if stun:
        second = Address(hosts[1], port + 1) if len(hosts) > 1 else None
        binding = StunServer(Address(hosts[0], port), second)
        servers += [] if turn else [binding]
        also = f", second address {second}" if second else ""
        lines.append(f"STUN on stun:{Address(hosts[0], port)}{also}")
    if turn:
        password = secrets.token_urlsafe(12)
        realm = "peerscope"
        told = _host(external) if external else None
        mine = (host for interface in read_interfaces() for host in interface.hosts)
        try:
            peers = PeerPolicy(allow, (*hosts, *mine, *([told] if told else [])))
        except ValueError as error:
            raise InputError(InputError.Reason.USAGE, f"--allow-peer: {error}") from error
        families = tuple({Address(host, 0).family for host in hosts} & set(Family))
        servers.append(
            TurnServer(
                binding.addresses if binding else tuple(Address(host, port) for host in hosts),
                Credentials(
                    realm, {"peerscope": password}, os.urandom(32), epoch_s=time.time() - time.monotonic()
                ),
                os.urandom,
                limits=TurnLimits(),
                peers=peers,
                families=families,
                told=told,
                binding=binding,
            )
        )
        lines.append(f"TURN on turn:{Address(hosts[0], port)}  username: peerscope  password: {password}")
    return servers, lines


async def _run(
    servers: list[Server],
    relay_hosts: dict[Family, str],
    lines: list[str],
    mailboxes: RendezvousHost | None,
    metrics: Address | None,
    secure: tuple[ssl.SSLContext | None, int],
) -> int:
    net = SystemNet()
    page: MetricsPage | None = None
    tasks = TaskScope("serve")
    running: list[ServerHost | RendezvousHost] = []
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        for server in servers:
            tls = secure[0] if isinstance(server, TurnServer) else None
            host = ServerHost(net, server, relay_hosts, tls=tls, tls_port=secure[1])
            await host.open()
            running.append(host)
        if mailboxes is not None:
            await mailboxes.open()
            running.append(mailboxes)
            lines.append(f"Mailboxes on {mailboxes.url}")
        if metrics is not None:
            registry = Registry()
            page = MetricsPage(registry)
            lines.append(f"Metrics on http://{page.open(metrics)}/metrics")
            machine = None if mailboxes is None else mailboxes.machine
            tasks.start(ServeMetrics(registry, servers, machine).run(), "metrics")
        for name in (signal.SIGINT, signal.SIGTERM):
            try:
                loop.add_signal_handler(name, stop.set)
            except NotImplementedError:  # Windows: Ctrl-C arrives as KeyboardInterrupt
                break
        print("\n".join([*lines, "Press Ctrl-C to stop."]), flush=True)
        await stop.wait()
    except NetError as error:
        raise InputError(InputError.Reason.USAGE, error.sentence) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        pass
    finally:
        await tasks.close()
        if page is not None:
            await asyncio.to_thread(page.close)
        for one in reversed(running):
            await one.close()
    return 0
