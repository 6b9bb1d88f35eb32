"use strict";
// An SDP offer or answer for data channels, to and from the few lines that travel (docs/wire.md 12.1).

const sdp = (() => {
  const NAMES = { host: "host", srflx: "reflexive", prflx: "peer-reflexive", relay: "relayed" };
  const TYPES = Object.fromEntries(Object.entries(NAMES).map(([type, name]) => [name, type]));
  const PREFERENCE = { host: 126, prflx: 110, srflx: 100, relay: 0 };
  const MAX_CANDIDATES = 24;

  // Names of mDNS (RFC 8828) mean nothing elsewhere: the browser's own checks tell where it is.
  function describe(text) {
    const first = (pattern) => (text.match(pattern) || [])[1] || "";
    const candidates = [];
    for (const [, protocol, host, port, type] of text.matchAll(
      /^a=candidate:\S+ 1 (\S+) \d+ (\S+) (\d+) typ (\S+)/gim)) {
      const numeric = /^[0-9.]+$/.test(host) || host.includes(":");
      if (protocol.toLowerCase() === "udp" && numeric && NAMES[type] && candidates.length < MAX_CANDIDATES)
        candidates.push([NAMES[type], host, Number(port)]);
    }
    return {
      user: first(/^a=ice-ufrag:(\S+)/m),
      password: first(/^a=ice-pwd:(\S+)/m),
      fingerprint: first(/^a=fingerprint:sha-256 (\S+)/im).replace(/:/g, "").toLowerCase(),
      candidates,
    };
  }

  // `setup` is this side's part in DTLS (RFC 8842): actpass, active or passive. The end of candidates is never told: a
  // browser or aioice would then not wait for the checks that come from an address it was not told.
  function compose(description, setup) {
    const lines = [
      "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:0",
      `a=ice-ufrag:${description.user}`, `a=ice-pwd:${description.password}`,
      `a=fingerprint:sha-256 ${description.fingerprint.toUpperCase().match(/../g).join(":")}`,
      `a=setup:${setup}`, "a=sctp-port:5000", "a=max-message-size:65536",
    ];
    description.candidates.forEach(([name, host, port], n) => {
      const type = TYPES[name];
      const priority = PREFERENCE[type] * 2 ** 24 + (65535 - n) * 256 + 255;
      const related = type === "host" ? "" : " raddr 0.0.0.0 rport 0";
      lines.push(`a=candidate:${n} 1 udp ${priority} ${host} ${port} typ ${type}${related}`);
    });
    return lines.join("\r\n") + "\r\n";
  }

  // What came from outside is looked at before it becomes lines of SDP.
  function isDescription(given) {
    return Boolean(
      given && typeof given === "object" &&
      /^[A-Za-z0-9+/]{4,256}$/.test(given.user) && /^[A-Za-z0-9+/]{22,256}$/.test(given.password) &&
      /^[0-9a-f]{64}$/.test(given.fingerprint) && Array.isArray(given.candidates) &&
      given.candidates.length <= MAX_CANDIDATES && given.candidates.every((each) =>
        Array.isArray(each) && each.length === 3 && TYPES[each[0]] && /^[0-9A-Fa-f.:]{2,45}$/.test(each[1]) &&
        Number.isInteger(each[2]) && each[2] > 0 && each[2] < 65536));
  }

  return { describe, compose, isDescription };
})();
