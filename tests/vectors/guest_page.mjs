// Runs the page's own script against the vectors that the program holds to. Exit code 0: they agree.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const here = dirname(fileURLToPath(import.meta.url));
const load = (name) => readFileSync(join(here, "../../resources/guest", name), "utf8");
const context = vm.createContext({ TextEncoder, TextDecoder, atob });
const { pact, sdp, notes } = vm.runInContext(
  ["pact.js", "sdp.js", "notes.js"].map(load).join("\n") + "\n;({ pact, sdp, notes })", context);
const given = JSON.parse(readFileSync(join(here, "guest.json"), "utf8"));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "utf8"));
const { hex, unhex } = pact;

// FIPS 180-4 and RFC 4231
assert.equal(hex(pact.sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
assert.equal(hex(pact.sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
assert.equal(
  hex(pact.sha256("a".repeat(1_000_000))), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
const pieces = new pact.Sha256();
for (let n = 0; n < 1000; n += 7) pieces.add(bytes("a".repeat(Math.min(7, 1000 - n))));
assert.equal(hex(pieces.digest()), hex(pact.sha256("a".repeat(1000))));
assert.equal(
  hex(pact.hmac(bytes("Jefe"), "what do ya want for nothing?")),
  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
assert.equal(
  hex(pact.hmac(new Uint8Array(131).fill(0xaa), "Test Using Larger Than Block-Size Key - Hash Key First")),
  "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");

const link = pact.parseFragment(given.fragment);
assert.equal(link.fingerprint, given.fingerprint);
assert.equal(link.mailbox, given.mailbox);
assert.equal(hex(link.key), given.key);
assert.equal(pact.parseFragment(given.fragment.slice(1)), null);
const body = unhex(given.note_body);
assert.equal(hex(pact.sealNote(link.key, given.note_kind, body)), given.note);
const opened = pact.openNote(link.key, unhex(given.note));
assert.equal(opened.kind, given.note_kind);
assert.equal(hex(opened.body), given.note_body);
const changed = unhex(given.note);
changed[40] ^= 1;
assert.equal(pact.openNote(link.key, changed), null);
for (const role of ["host", "guest"])
  assert.equal(
    hex(pact.proof(link.key, role, given.fingerprint, given.guest_fingerprint, bytes(given.offer), bytes(given.answer))),
    given[`proof_${role}`]);

const { frame, note } = notes, text = bytes;
assert.deepEqual(
  {
    proof: hex(frame.proof(new Uint8Array(32))), about: hex(frame.about({ name: "Zoë", browser: "Chrome 156" })),
    part: hex(frame.piece(text("abc"), false)), last: hex(frame.piece(text("abc"), true)),
    got: hex(frame.got(7, 2 ** 33)), ping: hex(frame.ping(9, 1.5)), pong: hex(frame.pong(9, 1.5, 2.25, 3)),
  },
  given.frames);
assert.deepEqual(
  {
    text: hex(note.text("Grüße")), payload: hex(note.payload(1, 1, 10, 4, text("abcd"))),
    offer: hex(note.offer(2, 2 ** 33, Uint8Array.from({ length: 32 }, (_, n) => n), "a ä.txt")),
    accept: hex(note.accept(2, 5)), chunk: hex(note.chunk(2, 5, text("xyz"))), got: hex(note.got(2, 8)),
    end: hex(note.end(2, 4)),
  },
  given.notes);
for (const [name, told] of Object.entries(given.notes)) assert.ok(notes.read(unhex(told)).kind, name);
assert.equal(notes.read(unhex(given.notes.text)).text, "Grüße");
assert.equal(notes.read(unhex(given.notes.offer)).name, "a ä.txt");
for (const bad of [[], [0x99], [0x02, 1], [0x10, 1, 2], [0x01, 0xff]]) assert.throws(() => notes.read(Uint8Array.from(bad)));

// A description survives being written as SDP; names of mDNS and TCP addresses are left out.
const told = JSON.parse(given.offer);
assert.ok(sdp.isDescription(told));
const written = sdp.compose(told, "actpass");
assert.equal(JSON.stringify(sdp.describe(written)), JSON.stringify(told));
assert.equal(
  sdp.describe(
    written +
      "a=candidate:1 1 udp 2113937151 1b2c.local 5000 typ host\r\n" +
      "a=candidate:2 1 tcp 2113937151 192.0.2.7 9 typ host tcptype active\r\n").candidates.length,
  1);
for (const wrong of [null, {}, { ...told, user: "a\r\nb=c" }, { ...told, fingerprint: "x" }, { ...told, candidates: [["host", "evil\r\n", 5]] }])
  assert.ok(!sdp.isDescription(wrong));
