"""Pure servers: the lab and `peerscope serve` both run them.

A server is a machine derived from `netstack.server.machine.Server`. It owns no socket and reads no clock;
whoever hosts it (`netstack.service.serve.ServerHost` over any `Net`) does this:

1. binds a UDP socket, and a TCP listener where `server.streams` is true, on each of `server.addresses`;
2. hands in what comes: `receive(data, remote, local, now)` for datagrams, and `stream_opened(stream_id,
   remote, local, now)`, `stream_received(stream_id, data, now)`, `stream_closed(stream_id, now)` for
   connections, which it numbers itself, never twice. It keeps at most `server.max_streams` of them, ends
   those that bring nothing for `server.stream_idle_s` (None: the machine ends them itself), and reads no
   more from one than it can write to it;
3. after each call drains `poll_transmit()` - datagrams `(data, remote, local)`, to be sent from the socket
   bound to `local` - and `poll_action()`;
4. carries out the actions (`netstack.server.machine`): `StreamSend` and `StreamClose` on connections;
   `OpenRelay` binds a UDP socket and answers `relay_opened(relay_id, local, now)` or
   `relay_refused(relay_id, now)`; `RelaySend` sends from it, `CloseRelay` closes it. What the relay socket
   gets goes to `relay_received(relay_id, data, remote, now)`, an ICMP refusal to `relay_failed(...)`;
5. calls `handle_timeout(now)` when `deadline()` is reached (None: nothing is due), and asks again after
   every call; a deadline may come before anything is due, never after;
6. closes what is still open when it stops. No call raises on bytes from outside.
"""
