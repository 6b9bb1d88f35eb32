"use strict";
// The connection to the host: found by the mailbox, proved by the pact, then frames with credits of our own, and pings.

const MAIL = { ASK: 1, INVITE: 2, OFFER: 3, ANSWER: 4, CLOSED: 5 };
const PIECE = 16384, WINDOW = 131072, MAX_MESSAGE = 4 << 20;
const ASK_MS = 1000, PATIENCE_MS = 12000, CONNECT_MS = 20000, GATHER_MS = 1500, BLIND_MS = 3000;
const PING_MS = 250, LOST_S = 2, SILENT_S = 2.5, GONE_S = 10;

class GuestError extends Error {
  constructor(reason) { super(reason); this.reason = reason; }
}

class GuestLink {
  // `on` hears stage(word), invited(host), joined(), note(bytes), rtt(seconds or null for lost), facts(object),
  // silent(whether), closed(reason).
  constructor(given, mailboxes, on) {
    this.given = given;
    this.mailboxes = mailboxes;
    this.on = on;
    this.over = false;
    this.proved = false;
    this.sent = this.taken = this.messages = this.takenThere = 0;
    this.ours = this.queued = this.told = 0;
    this.queues = [[], []];  // words first, then bulk
    this.leaving = null;
    this.waiting = new Map();
    this.pieces = [];
    this.pieceBytes = 0;
    this.pings = new Map();
    this.pinged = this.ponged = 0;
    this.heard = 0;
    this.timers = [];
  }

  // Resolves once the host has proved itself; rejects with a GuestError.
  async join(about) {
    this.about = about;
    try {
      await new Promise((resolve, reject) => { this.resolve = resolve; this.reject = reject; this._reach(); });
    } catch (error) {
      this.close(error.reason || "failed");
      throw error;
    }
  }

  _later(ms, act) { this.timers.push(setTimeout(act, ms)); }
  _every(ms, act) { this.timers.push(setInterval(act, ms)); }
  _fail(reason) { if (!this.over) this.reject(new GuestError(reason)); }

  _reach() {
    this.on.stage("reaching");
    try {
      this.ws = new WebSocket(`${this.mailboxes}/${this.given.mailbox}`);
    } catch (error) {
      this._fail("unreachable");
      return;
    }
    this.ws.binaryType = "arraybuffer";
    this.ws.onopen = () => {
      const ask = () => this._mail(MAIL.ASK, crypto.getRandomValues(new Uint8Array(8)));
      ask();
      this._every(ASK_MS, () => { if (!this.pc) ask(); });
      this._later(PATIENCE_MS, () => { if (!this.pc) this._fail("absent"); });
    };
    this.ws.onmessage = (event) => this._read(new Uint8Array(event.data)).catch(() => this._fail("failed"));
    this.ws.onclose = (event) => { if (!this.proved) this._fail(event.code === 4000 ? "taken" : "unreachable"); };
  }

  _mail(kind, body) {
    if (this.ws.readyState === WebSocket.OPEN) this.ws.send(pact.sealNote(this.given.key, kind, body));
  }

  async _read(sealed) {
    const note = pact.openNote(this.given.key, sealed);
    if (!note || this.over) return;  // somebody else's: whoever carries notes may invent some
    if (note.kind === MAIL.CLOSED) this._fail(new TextDecoder().decode(note.body));
    else if (note.kind === MAIL.INVITE && !this.pc) await this._offer(JSON.parse(new TextDecoder().decode(note.body)));
    else if (note.kind === MAIL.ANSWER && this.offer && !this.answer) await this._answered(note.body);
  }

  async _offer(invite) {
    this.on.invited(String(invite.host || ""));
    this.on.stage("connecting");
    const urls = (Array.isArray(invite.stun) ? invite.stun : []).filter((url) => /^stun:[\w.:[\]-]+$/.test(url));
    const pc = this.pc = new RTCPeerConnection({ iceServers: urls.slice(0, 3).map((url) => ({ urls: url })) });
    this.ordered = pc.createDataChannel("ordered", { negotiated: true, id: 0 });
    this.fast = pc.createDataChannel("fast", { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
    for (const channel of [this.ordered, this.fast]) {
      channel.binaryType = "arraybuffer";
      channel.onopen = () => this._opened();
      channel.onclose = channel.onerror = () => this._lost();
    }
    this.ordered.onmessage = (event) => this._take(event.data);
    this.fast.onmessage = (event) => this._takeFast(event.data);
    this._later(CONNECT_MS, () => { if (!this.proved) this._fail("no-way"); });
    const gathered = new Promise((done) => {
      pc.onicegatheringstatechange = () => { if (pc.iceGatheringState === "complete") done(); };
      this._later(GATHER_MS, done);
    });
    await pc.setLocalDescription(await pc.createOffer());
    await gathered;
    if (this.over) return;
    this.described = sdp.describe(pc.localDescription.sdp);
    this.offer = new TextEncoder().encode(JSON.stringify(this.described));
    this._mail(MAIL.OFFER, this.offer);
  }

  async _answered(body) {
    const told = JSON.parse(new TextDecoder().decode(body));
    if (told.to !== pact.hex(pact.sha256(this.offer))) return;  // to an earlier try
    if (!sdp.isDescription(told.description)) throw new GuestError("failed");
    if (told.description.fingerprint !== this.given.fingerprint) { this._fail("fingerprint"); return; }
    this.answer = body;
    // A browser with any network begins to check at once. Chromium can miss a network that comes up while it starts: this
    // page then never sees one. Setting the description may take for ever there.
    if (told.description.candidates.length)
      this._later(BLIND_MS, () => { if (this.pc.iceConnectionState === "new") this._fail("blind"); });
    await this.pc.setRemoteDescription({ type: "answer", sdp: sdp.compose(told.description, "active") });
  }

  _proof(role) {
    return pact.proof(
      this.given.key, role, this.given.fingerprint, this.described.fingerprint, this.offer, this.answer);
  }

  // Our proof goes first, whichever channel opens first and however early theirs is here.
  _opened() {
    if (this.ordered.readyState !== "open") return;
    if (!this.greeted) {
      this.greeted = true;
      this.on.stage("proving");
      this._put(notes.frame.proof(this._proof("guest")));
    }
    if (this.theirProof && !this.proved) this._proveThem(this.theirProof);
  }

  _put(frame) { if (this.ordered.readyState === "open") this.ordered.send(frame); }

  _proveThem(mac) {
    if (!pact.same(mac, this._proof("host"))) { this._fail("secret"); return; }
    this.proved = true;
    this.ws.close();
    this._put(notes.frame.about(this.about));
    this.heard = performance.now() / 1000;
    this._every(PING_MS, () => this._ping());
    this._every(1000, () => this._look());
    this.resolve();
    this.on.joined();
  }

  _take(data) {
    if (this.over || !(data instanceof ArrayBuffer) || !data.byteLength) return;
    const bytes = new Uint8Array(data), { FRAME } = notes;
    this._alive();
    try {
      if (bytes[0] === FRAME.PROOF && !this.proved) {
        this.theirProof = bytes.slice(1);
        this._opened();
      } else if (!this.proved) this._fail("secret");
      else if (bytes[0] === FRAME.PART || bytes[0] === FRAME.LAST) this._piece(bytes.subarray(1), bytes[0] === FRAME.LAST);
      else if (bytes[0] === FRAME.GOT) {
        const [, messages, taken] = notes.unpack(bytes, [1, 4, 8]);
        this.takenThere = Math.max(this.takenThere, Math.min(taken, this.sent));
        for (const [number, done] of this.waiting) if (number <= messages) { this.waiting.delete(number); done(); }
        this._flush();
      }
    } catch (error) {
      this.close("failed");
    }
  }

  _piece(data, last) {
    this.pieces.push(data);
    this.pieceBytes += data.length;
    this.taken += data.length;
    if (this.pieceBytes > MAX_MESSAGE) throw new RangeError("a message too long");
    let whole = null;
    if (last) {
      whole = pact.join(...this.pieces);
      this.pieces = [];
      this.pieceBytes = 0;
      this.messages += 1;
    }
    if (last || this.taken - this.told >= WINDOW / 4) this._tell();
    if (whole) this.on.note(whole);
  }

  _tell() {
    this.told = this.taken;
    this._put(notes.frame.got(this.messages, this.taken));
  }

  // Resolves when the host has the whole message. Words overtake bulk, between messages.
  send(message, bulk = false) {
    return new Promise((done) => {
      this.queues[bulk ? 1 : 0].push({ message, at: 0, done });
      this.queued += message.length;
      this._flush();
    });
  }

  _flush() {
    for (;;) {
      if (!this.leaving) {
        this.leaving = this.queues[0].shift() || this.queues[1].shift() || null;
        if (!this.leaving) return;
        this.waiting.set(++this.ours, this.leaving.done);
      }
      const { message, at } = this.leaving, piece = message.subarray(at, at + PIECE);
      if (this.sent - this.takenThere + piece.length > WINDOW) return;
      this.sent += piece.length;
      this.queued -= piece.length;
      this.leaving.at += piece.length;
      const last = this.leaving.at >= message.length;
      if (last) this.leaving = null;
      this._put(notes.frame.piece(piece, last));
    }
  }

  _alive() {
    this.heard = performance.now() / 1000;
    if (this.silent) { this.silent = false; this.on.silent(false); }
  }

  _takeFast(data) {
    if (this.over || !this.proved || !(data instanceof ArrayBuffer)) return;
    const bytes = new Uint8Array(data), { FRAME } = notes;
    this._alive();
    try {
      if (bytes[0] === FRAME.PING) {
        const [, sequence, t1] = notes.unpack(bytes, [1, 4, "f"]);
        if (this.fast.readyState === "open") this.fast.send(notes.frame.pong(sequence, t1, performance.now() / 1000, ++this.ponged));
      } else if (bytes[0] === FRAME.LAST) this.on.note(bytes.slice(1));
      else if (bytes[0] === FRAME.PONG) {
        const [, sequence] = notes.unpack(bytes, [1, 4, "f", "f", 4]);
        const at = this.pings.get(sequence);
        if (this.pings.delete(sequence)) this.on.rtt(performance.now() / 1000 - at);
      }
    } catch (error) {
      // too short to be one
    }
  }

  _ping() {
    const now = performance.now() / 1000;
    for (const [sequence, at] of this.pings)
      if (now - at > LOST_S) { this.pings.delete(sequence); this.on.rtt(null); }
    const sequence = this.pinged++;
    this.pings.set(sequence, now);
    if (this.fast.readyState === "open") this.fast.send(notes.frame.ping(sequence, now));
    if (now - this.heard > GONE_S) this.close("gone");
    else if (now - this.heard > SILENT_S && !this.silent) { this.silent = true; this.on.silent(true); }
  }

  // What the browser itself tells of the connection.
  async _look() {
    const report = await this.pc.getStats();
    if (this.over) return;
    let pair = null;
    report.forEach((each) => {
      if (each.type === "transport" && each.selectedCandidatePairId) pair = report.get(each.selectedCandidatePairId);
    });
    report.forEach((each) => {
      if (!pair && each.type === "candidate-pair" && each.nominated && each.state === "succeeded") pair = each;
    });
    if (!pair) return;
    const local = report.get(pair.localCandidateId) || {}, remote = report.get(pair.remoteCandidateId) || {};
    const facts = {
      local: local.candidateType || null,
      remote: remote.candidateType || null,
      protocol: local.relayProtocol || local.protocol || null,
      rtt_s: pair.currentRoundTripTime || null,  // some round what is below a millisecond to nothing
    };
    this._put(notes.frame.facts(facts));
    this.on.facts({ ...facts, address: remote.address || "", sent: pair.bytesSent, received: pair.bytesReceived });
  }

  _lost() {
    if (this.proved) this.close("left");
    else this._fail("no-way");
  }

  // Ends it; `reason` is told once.
  close(reason) {
    if (this.over) return;
    this.over = true;
    this.timers.forEach(clearTimeout);
    if (this.ws) this.ws.close();
    if (this.pc) this.pc.close();
    if (this.proved) this.on.closed(reason);
  }
}
