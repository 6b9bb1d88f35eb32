// A guest that is no browser: the page's own connection, on libdatachannel instead of a browser's WebRTC.
// Arguments: the link and a text to say. Prints JSON lines; ends when the host has said "bye".
import { readFileSync } from "node:fs";
import { join, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { RTCPeerConnection } from "node-datachannel/polyfill";

const [url, text] = process.argv.slice(2);
const pages = join(dirname(fileURLToPath(import.meta.url)), "../../../resources/guest");
const context = vm.createContext({
  RTCPeerConnection, WebSocket, TextEncoder, TextDecoder, atob, crypto, performance, ArrayBuffer, Uint8Array,
  setTimeout, setInterval, clearTimeout, console,
});
const { pact, notes, GuestLink } = vm.runInContext(
  ["pact.js", "sdp.js", "notes.js", "link.js"].map((name) => readFileSync(join(pages, name), "utf8")).join("\n") +
    "\n;({ pact, notes, GuestLink })", context);

const say = (event, fields = {}) => process.stdout.write(`${JSON.stringify({ event, ...fields })}\n`);
const given = pact.parseFragment(new URL(url).hash.slice(1));
let trips = 0;
const link = new GuestLink(given, new URL(url).origin.replace(/^http/, "ws"), {
  stage: (name) => say("stage", { name }),
  invited: (host) => say("invited", { host }),
  joined: () => say("joined"),
  note: (bytes) => {
    const note = notes.read(bytes);
    if (note.kind === notes.NOTE.TEXT) {
      say("text", { text: note.text, trips });
      if (note.text === "bye") { link.close("me"); setTimeout(() => process.exit(0), 200); }
    } else if (note.kind === notes.NOTE.PAYLOAD) {
      link.send(notes.note.payload(note.number, notes.IS_ECHO, note.total, note.offset, note.data), true);
    }
  },
  rtt: (rtt) => { if (rtt !== null) trips += 1; },
  facts: () => {}, silent: () => {}, closed: (reason) => say("closed", { reason }),
});
try {
  await link.join({ name: "libdatachannel", browser: "node" });
  await link.send(notes.note.text(text));
  say("delivered");
} catch (error) {
  say("failed", { reason: error.reason || String(error), stack: String(error.stack) });
  process.exit(1);
}
