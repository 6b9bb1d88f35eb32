"use strict";
// What the link holds, and how both sides prove that they know it (docs/wire.md section 12). A page that came over plain
// http has no crypto.subtle, so SHA-256 (FIPS 180-4) and HMAC (RFC 2104) are written out. Bytes are Uint8Arrays.

const pact = (() => {
  const PRIMES = [];
  for (let n = 2; PRIMES.length < 64; n++) if (PRIMES.every((p) => n % p)) PRIMES.push(n);
  const fraction = (x) => Math.floor((x - Math.floor(x)) * 2 ** 32);
  const ROUND = Uint32Array.from(PRIMES, (p) => fraction(Math.cbrt(p)));
  const START = Uint32Array.from(PRIMES.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const text = new TextEncoder();

  function join(...parts) {
    const all = parts.map((part) => (typeof part === "string" ? text.encode(part) : part));
    const whole = new Uint8Array(all.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of all) { whole.set(part, at); at += part.length; }
    return whole;
  }

  // Fed in pieces, as a file comes.
  class Sha256 {
    constructor() {
      this.state = START.slice();
      this.block = new Uint8Array(64);
      this.filled = 0;
      this.length = 0;
      this.words = new Uint32Array(64);
    }
    add(data) {
      this.length += data.length;
      let at = 0;
      if (this.filled) {
        const take = Math.min(64 - this.filled, data.length);
        this.block.set(data.subarray(0, take), this.filled);
        this.filled += take;
        at = take;
        if (this.filled < 64) return this;
        this._turn(this.block, 0);
        this.filled = 0;
      }
      for (; at + 64 <= data.length; at += 64) this._turn(data, at);
      this.block.set(data.subarray(at), 0);
      this.filled = data.length - at;
      return this;
    }
    digest() {
      const bits = this.length * 8;
      const tail = new Uint8Array((this.filled < 56 ? 64 : 128) - this.filled);
      tail[0] = 0x80;
      const view = new DataView(tail.buffer);
      view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
      view.setUint32(tail.length - 4, bits >>> 0);
      this.add(tail);
      const out = new Uint8Array(32);
      this.state.forEach((word, n) => new DataView(out.buffer).setUint32(4 * n, word));
      return out;
    }
    _turn(data, at) {
      const w = this.words, s = this.state;
      for (let n = 0, p = at; n < 16; n++, p += 4)
        w[n] = (data[p] << 24) | (data[p + 1] << 16) | (data[p + 2] << 8) | data[p + 3];
      for (let n = 16; n < 64; n++) {
        const x = w[n - 15], y = w[n - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[n] = w[n - 16] + s0 + w[n - 7] + s1;
      }
      let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
      for (let n = 0; n < 64; n++) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[n] + w[n]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
    }
  }

  const sha256 = (...parts) => new Sha256().add(join(...parts)).digest();

  function hmac(key, ...parts) {
    const block = new Uint8Array(64);
    block.set(key.length > 64 ? sha256(key) : key);
    return sha256(block.map((x) => x ^ 0x5c), sha256(block.map((x) => x ^ 0x36), ...parts));
  }

  const hex = (bytes) => Array.from(bytes, (x) => x.toString(16).padStart(2, "0")).join("");
  const unhex = (digits) => Uint8Array.from(digits.match(/../g) || [], (pair) => parseInt(pair, 16));

  // The same time whatever differs.
  function same(one, other) {
    let differ = one.length ^ other.length;
    for (let n = 0; n < one.length; n++) differ |= one[n] ^ other[n];
    return differ === 0;
  }

  // What stands behind the #: 32 bytes of fingerprint, 16 of secret. Null where it is not whole.
  function parseFragment(fragment) {
    if (!/^[A-Za-z0-9_-]{64}$/.test(fragment)) return null;
    const whole = Uint8Array.from(atob(fragment.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
    const secret = whole.slice(32);
    return {
      fingerprint: hex(whole.slice(0, 32)),
      mailbox: hex(hmac(secret, "peerscope guest mailbox")).slice(0, 32),
      key: hmac(secret, "peerscope guest 1"),
    };
  }

  const noteMac = (key, kind, body) => hmac(key, "note", Uint8Array.of(kind), body);
  const sealNote = (key, kind, body) => join(Uint8Array.of(kind), noteMac(key, kind, body), body);

  // Null where it was not made with this key.
  function openNote(key, note) {
    if (note.length <= 33 || note.length > 4096) return null;
    const body = note.slice(33);
    return same(note.slice(1, 33), noteMac(key, note[0], body)) ? { kind: note[0], body } : null;
  }

  // What `role` ("host" or "guest") says first on the open channel.
  const proof = (key, role, hostFingerprint, guestFingerprint, offer, answer) =>
    hmac(key, "proof ", role, unhex(hostFingerprint), unhex(guestFingerprint), sha256(offer), sha256(answer));

  return { Sha256, sha256, hmac, hex, unhex, same, join, parseFragment, sealNote, openNote, proof };
})();
