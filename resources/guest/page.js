"use strict";
// What the guest sees and does. Nothing that came from outside becomes HTML: only text.

(() => {
  const $ = (id) => document.getElementById(id);
  const given = JSON.parse(document.body.dataset.given || "{}");
  const fragment = given.fragment || location.hash.slice(1);
  const web = location.protocol === "https:" || location.protocol === "http:";
  const mailboxes = given.mailboxes || (web ? location.origin.replace(/^http/, "ws") : "");
  const ECHO_MAX = 16 << 20, MAX_LINES = 300, MAX_FILE = 1 << 30, CHUNK = 1 << 18, FILE_WINDOW = 4 << 20, PLOT_S = 60;
  const ENDS = [
    "", "they did not want it", "it was cancelled", "there is no space left", "it changed on the way", "it is too large",
    "it could not be read", "what came was not what was asked for", "it could not be written",
  ];
  const FAILURES = {
    malformed: ["This link is not whole.", "Something is missing behind the #. Ask for the link once more and open all of it."],
    unreachable: ["HOST cannot be reached.", "The app that made this link does not answer. Is it still open, and are you on the same network?"],
    absent: ["Nobody waits at this link.", "It was used, withdrawn, or its ten minutes are over. Ask HOST for a new one."],
    taken: ["Somebody else is joining with this link.", "It is good for one guest. Ask HOST for a new one."],
    used: ["This link has been used.", "It is good for one guest, once. Ask HOST for a new one."],
    "no-way": ["No path to HOST was found.", "Both sides tried every address they have. A relay (TURN) in HOST's settings would help; another network may, too."],
    blind: ["Your browser shows this page no network.", "An extension, a setting or a VPN may hide it (WebRTC), or this device is offline. Allow it, or try another browser."],
    fingerprint: ["Whoever answers is not HOST.", "The certificate differs from the one in your link, so nothing was said. Somebody on this network may interfere."],
    secret: ["Whoever answers does not know the secret of your link.", "Nothing was said to them. Ask HOST for a new link."],
    failed: ["That did not work.", "What came from the other side could not be understood."],
    unsupported: ["This browser cannot connect directly.", "WebRTC is switched off or missing. Try another browser."],
  };

  let host = given.host || "", link = null, ended = false;
  const who = () => host || "the other side";
  const whoStarts = () => host || "The other side";

  function show(id) {
    for (const each of ["welcome", "joining", "failure", "talk"]) $(each).hidden = each !== id;
  }

  function say(id, text) { if ($(id).textContent !== text) $(id).textContent = text; }

  const element = (name, className, text = "") => {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.textContent = text;
    return made;
  };

  const digits = (value) => (value >= 100 ? String(Math.round(value)) : value.toPrecision(3));
  // Some browsers' clocks go in whole milliseconds: then so does what was measured by them.
  let coarse = false;
  const duration = (s) =>
    coarse && s < 1 ? `${Math.round(s * 1e3)} ms` : s < 1e-3 ? `${digits(s * 1e6)} µs` : s < 1 ? `${digits(s * 1e3)} ms` : `${digits(s)} s`;
  function size(bytes) {
    for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]])
      if (bytes >= unit) return `${digits(bytes / unit)} ${name}`;
    return `${bytes} B`;
  }

  // Before.

  function welcome() {
    say("welcome-title", host ? `${host} invites you to connect.` : "You are invited to connect.");
    say("welcome-text",
      `Your browser connects straight to ${host ? `${host}’s` : "their"} computer (by a relay only where there is no other ` +
      "way), encrypted. You chat, see how good the connection is, and exchange files. Nothing is installed.");
    const trust = $("trust"), local = /^(localhost|127\.|\[::1\])/.test(location.hostname);
    if (location.protocol === "file:")
      trust.append(element("b", "", "Opened from a file: "), "nobody on the network could change this page.");
    else if (location.protocol === "https:")
      trust.append(element("b", "", "Sent by https: "), `this page is as trustworthy as ${location.host}.`);
    else if (!local) {
      trust.className = "small warn";
      trust.append(
        element("b", "", "Plain http: "),
        `this page is as trustworthy as the network that you are on. On one that you do not trust, ask ${who()} to send the page as a file.`);
    } else trust.hidden = true;
    $("name").value = remembered();
    show("welcome");
    $("join").focus();
  }

  function remembered() { try { return localStorage.getItem("name") || ""; } catch (error) { return ""; } }
  function remember(name) { try { localStorage.setItem("name", name); } catch (error) { /* a file has no storage */ } }

  const STAGES = ["reaching", "connecting", "proving"];
  function stage(name) {
    const now = STAGES.indexOf(name);
    const texts = [`Find ${who()}`, "Look for a path between you", `Prove that it is really ${who()}`];
    document.querySelectorAll("#steps li").forEach((item, n) => {
      item.textContent = texts[n];
      item.className = n < now ? "done" : n === now ? "now" : "";
    });
    say("joining-title", `Connecting to ${who()}…`);
  }

  function fail(reason) {
    const [title, text] = FAILURES[reason] || FAILURES.failed;
    const named = (sentence) => sentence.replace(/^HOST/, whoStarts()).replace(/HOST/g, who());
    say("failure-title", named(title));
    say("failure-text", named(text));
    $("again").hidden = ["malformed", "unsupported", "used"].includes(reason);
    document.body.dataset.failure = reason;
    show("failure");
    $("again").focus();
  }

  async function join() {
    const pactGiven = pact.parseFragment(fragment);
    if (!pactGiven) { fail("malformed"); return; }
    if (typeof RTCPeerConnection === "undefined") { fail("unsupported"); return; }
    const name = $("name").value.trim().slice(0, 40) || "Guest";
    remember(name);
    show("joining");
    $("cancel").focus();
    link = new GuestLink(pactGiven, mailboxes, {
      stage,
      invited: (named) => { host = named.slice(0, 40) || host; },
      joined, note: takeNote, rtt: takeRtt, facts: showFacts, silent, closed,
    });
    stage("reaching");
    try {
      await link.join({ name, browser: browserName() });
    } catch (error) {
      if (error.reason === "blind" && !fresh) loadAnew(name);
      else if (error.reason !== "cancelled") fail(error.reason || "failed");
    }
  }

  // A page loaded anew sees the network that came up meanwhile; once, and it goes on by itself.
  let fresh = false;
  function loadAnew(name) {
    history.replaceState({ name }, "");
    location.reload();
  }
  function goOn() {
    const before = history.state;
    if (!before || typeof before.name !== "string") return;
    history.replaceState(null, "");
    fresh = true;
    $("name").value = before.name;
    join();
  }

  function browserName() {
    const brands = (navigator.userAgentData && navigator.userAgentData.brands) || [];
    const brand = brands.find((each) => !/not.?a.?brand/i.test(each.brand.replace(/[^a-z]/gi, "")) && each.brand !== "Chromium");
    if (brand) return `${brand.brand} ${brand.version}`;
    const found = navigator.userAgent.match(/(Firefox|Edg|Chrome|Version)\/(\d+)/);
    return found ? `${{ Version: "Safari", Edg: "Edge" }[found[1]] || found[1]} ${found[2]}` : "a browser";
  }

  // Connected.

  function joined() {
    document.title = `${host || "Connected"} – Peerscope`;
    $("lines").dataset.empty = `Say hello. What you write goes straight to ${who()}, encrypted.`;
    say("no-files", `What ${who()} offers you appears here; you are asked about each.`);
    show("talk");
    $("say").placeholder = `Say something to ${who()}`;
    $("say").focus();
    headline();
    draw();
    plotTimer = setInterval(draw, 250);
  }

  let quiet = false, kind = "";
  function headline() {
    const now = rtts.length ? median(rtts.slice(-20).map(([, rtt]) => rtt)) : null;
    const rtt = now === null ? "" : `, ${duration(now)}`;
    if (ended) return;
    say("headline", quiet ? `${whoStarts()} does not answer…` : `You ↔ ${who()}: ${kind || "connected"}${kind ? rtt : ""}`);
    say("subline", quiet ? "The connection may come back by itself." :
      "Encrypted between the two of you, and proved by the secret in your link.");
    document.querySelector(".headline").classList.toggle("warn", quiet);
  }

  function silent(is) { quiet = is; headline(); }

  function closed(reason) {
    ended = true;
    clearInterval(plotTimer);
    say("headline", reason === "me" ? "You have left." : reason === "gone" ? `The connection to ${who()} broke.` : `${whoStarts()} has ended it.`);
    say("subline", `To come back, ask ${who()} for a new link.`);
    document.querySelector(".headline").className = "headline over";
    for (const each of document.querySelectorAll("#talk form *, #leave, #pick")) each.disabled = true;
    for (const [, file] of files) if (!file.over) endFile(file, "the connection ended first");
    for (const [, line] of sentPayloads) mark(line.line, "not delivered: the connection ended first", "bad");
    document.querySelectorAll(".mark-text[data-wait]").forEach((each) => {
      each.textContent = "not delivered: the connection ended first";
      each.className = "mark-text bad";
    });
  }

  // Chat and payloads.

  function addLine(text, mine, markText) {
    const lines = $("lines"), line = element("div", mine ? "line mine" : "line");
    const near = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 80;
    line.append(element("span", "words", text), element("span", "mark-text", markText));
    line.title = new Date().toLocaleTimeString();
    lines.append(line);
    while (lines.children.length > MAX_LINES) lines.firstChild.remove();
    if (near || mine) lines.scrollTop = lines.scrollHeight;
    return line;
  }

  function mark(line, text, tone = "") {
    const shown = line.querySelector(".mark-text");
    shown.textContent = text;
    shown.className = `mark-text ${tone}`;
    delete shown.dataset.wait;
  }

  function speak(text) {
    const line = addLine(text, true, "on its way…"), began = performance.now();
    line.querySelector(".mark-text").dataset.wait = "";
    link.send(notes.note.text(text)).then(() =>
      mark(line, `delivered in ${duration((performance.now() - began) / 1000)}`, "good"));
  }

  let nextPayload = 0;
  const sentPayloads = new Map(), comingPayloads = new Map();
  const counting = (offset, length) => Uint8Array.from({ length }, (_, n) => (offset + n) & 255);

  function pour(total) {
    const number = nextPayload++;
    const line = addLine(`${size(total)} of data`, true, "on its way…");
    sentPayloads.set(number, { line, total, back: 0, began: performance.now() });
    const part = 1 << 18;
    for (let at = 0; at < total || at === 0; at += part)
      link.send(notes.note.payload(number, notes.WANTS_ECHO, total, at, counting(at, Math.min(part, total - at))), true);
  }

  function takePayload(note) {
    if (note.flags & notes.IS_ECHO) {
      const sent = sentPayloads.get(note.number);
      if (!sent || note.total !== sent.total || note.data.some((x, n) => x !== ((note.offset + n) & 255))) return;
      sent.back += note.data.length;
      if (sent.back < sent.total) { mark(sent.line, `${size(sent.back)} came back so far`); return; }
      sentPayloads.delete(note.number);
      const took = (performance.now() - sent.began) / 1000;
      const rate = sent.total >= 1e5 ? `, ${digits((16 * sent.total) / took / 1e6)} Mbit/s both ways together` : "";
      mark(sent.line, `came back whole in ${duration(took)}${rate}`, "good");
      return;
    }
    let coming = comingPayloads.get(note.number);
    if (!coming || coming.total !== note.total) {
      coming = { total: note.total, got: 0, line: addLine(`${size(note.total)} of data`, false, "") };
      comingPayloads.set(note.number, coming);
      if (comingPayloads.size > 64) comingPayloads.delete(comingPayloads.keys().next().value);
    }
    coming.got += note.data.length;
    mark(coming.line, coming.got < coming.total ? `${size(coming.got)} so far` : "");
    if (coming.got >= coming.total) comingPayloads.delete(note.number);
    if (note.flags & notes.WANTS_ECHO && link.queued + note.data.length <= ECHO_MAX)
      link.send(notes.note.payload(note.number, notes.IS_ECHO, note.total, note.offset, note.data), true);
  }

  function takeNote(bytes) {
    let note;
    try { note = notes.read(bytes); } catch (error) { return; }
    const { NOTE } = notes;
    if (note.kind === NOTE.TEXT) addLine(note.text, false, "");
    else if (note.kind === NOTE.PAYLOAD) takePayload(note);
    else takeFileNote(note);
  }

  // Files: theirs are asked about, ours are read and offered.

  const files = new Map();
  let nextFile = 0;

  function fileRow(name, what) {
    const item = element("li"), row = element("div", "row");
    item.append(element("div", "file-name", name), element("div", "file-what", what), row);
    $("files").prepend(item);
    $("no-files").hidden = true;
    return { item, row, say: (text, tone = "") => {
      const shown = item.querySelector(".file-what");
      shown.textContent = text;
      shown.className = `file-what ${tone}`;
    } };
  }

  function button(text, act, primary = false) {
    const made = element("button", primary ? "primary" : "", text);
    made.type = "button";
    made.onclick = act;
    return made;
  }

  function progress(file) {
    if (!file.bar) {
      file.bar = element("progress");
      file.bar.max = file.size || 1;
      file.row.replaceChildren(button("Cancel", () => { link.send(notes.note.end(file.number, 2)); endFile(file, "you cancelled it"); }));
      file.item.append(file.bar);
    }
    const took = (performance.now() - file.began) / 1000;
    file.bar.value = file.moved;
    file.say(`${size(file.moved)} of ${size(file.size)}${took > 0.5 ? `, ${size(Math.round(file.moved / took))}/s` : ""}`);
  }

  function endFile(file, why, tone = "bad") {
    file.over = true;
    file.parts = [];
    if (file.bar) file.bar.remove();
    file.row.replaceChildren();
    file.say(tone === "good" ? why : `Not here: ${why}.`.replace("Not here", file.mine ? "Not sent" : "Not here"), tone);
  }

  function takeFileNote(note) {
    const { NOTE } = notes;
    if (note.kind === NOTE.OFFER) { offered(note); return; }
    const file = files.get(note.file);
    if (!file || file.over) return;
    if (note.kind === NOTE.END) {
      if (note.reason === 0 && file.mine && file.moved === file.size)
        endFile(file, `${size(file.size)}, arrived whole (SHA-256)`, "good");
      else endFile(file, ENDS[note.reason] || ENDS[7]);
    } else if (note.kind === NOTE.CHUNK && !file.mine) takeChunk(file, note);
    else if (note.kind === NOTE.ACCEPT && file.mine && !file.accepted) {
      file.accepted = true;
      file.sent = file.moved = note.offset;
      file.began = performance.now();
      pump(file);
    } else if (note.kind === NOTE.GOT && file.mine && note.offset <= file.sent) {
      file.moved = Math.max(file.moved, note.offset);
      progress(file);
      pump(file);
    } else if (note.kind === NOTE.PAUSE) { file.paused = true; file.say(`${whoStarts()} has paused it`); }
    else if (note.kind === NOTE.RESUME) { file.paused = false; if (file.mine) pump(file); }
  }

  function offered(note) {
    if (note.file % 2 === 0 || files.has(note.file) || files.size >= 64) return;
    const name = note.name.replace(/[\\/\u0000-\u001f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "_").slice(0, 120) || "file";
    const row = fileRow(name, `${whoStarts()} wants to send it: ${size(note.size)}`);
    const file = { ...row, number: note.file, name, size: note.size, digest: note.digest, mine: false, moved: 0, parts: [] };
    files.set(note.file, file);
    if (note.size > MAX_FILE) {
      link.send(notes.note.end(file.number, 3));
      endFile(file, "a browser page keeps files in memory, and takes up to 1 GB");
      return;
    }
    tellOfOffer(name);
    row.row.append(
      button("Take it", () => {
        file.sha = new pact.Sha256();
        file.began = performance.now();
        file.taking = true;
        link.send(notes.note.accept(file.number, 0));
        progress(file);
        if (!file.size) finishFile(file);
      }, true),
      button("No", () => { link.send(notes.note.end(file.number, 1)); endFile(file, "you did not want it"); }));
  }

  // On a small screen the list is far below.
  const tellOfOffer = (name) => addLine(`${whoStarts()} offers a file: ${name}`, false, "see Files; you are asked first");

  function takeChunk(file, note) {
    if (!file.taking || note.offset !== file.moved || file.moved + note.data.length > file.size) {
      link.send(notes.note.end(file.number, 7));
      endFile(file, ENDS[7]);
      return;
    }
    file.sha.add(note.data);
    file.parts.push(new Blob([note.data]));
    file.moved += note.data.length;
    link.send(notes.note.got(file.number, file.moved));
    progress(file);
    if (file.moved === file.size) finishFile(file);
  }

  function finishFile(file) {
    if (!pact.same(file.sha.digest(), file.digest)) {
      link.send(notes.note.end(file.number, 4));
      endFile(file, ENDS[4]);
      return;
    }
    link.send(notes.note.end(file.number, 0));
    const whole = new Blob(file.parts, { type: "application/octet-stream" });
    endFile(file, `${size(file.size)}, arrived whole (SHA-256)`, "good");
    const save = element("a", "button primary", "Save");
    save.href = URL.createObjectURL(whole);
    save.download = file.name;
    file.row.append(save);
  }

  async function offer(picked) {
    const number = nextFile;
    nextFile += 2;
    const file = { ...fileRow(picked.name, "reading it first, for its SHA-256"), number, size: picked.size, mine: true, moved: 0, sent: 0, blob: picked };
    files.set(number, file);
    const sha = new pact.Sha256();
    try {
      for (let at = 0; at < picked.size && !ended; at += CHUNK)
        sha.add(new Uint8Array(await picked.slice(at, at + CHUNK).arrayBuffer()));
    } catch (error) {
      endFile(file, ENDS[6]);
      return;
    }
    if (ended) return;
    link.send(notes.note.offer(number, picked.size, sha.digest(), picked.name.slice(-80)));
    file.say(`${size(file.size)}; waiting until ${who()} takes it`);
  }

  async function pump(file) {
    if (file.pumping) return;
    file.pumping = true;
    try {
      while (!file.over && !file.paused && file.sent < file.size && file.sent - file.moved < FILE_WINDOW) {
        const data = new Uint8Array(await file.blob.slice(file.sent, file.sent + CHUNK).arrayBuffer());
        if (file.over || !data.length) break;
        const at = file.sent;
        file.sent += data.length;
        await link.send(notes.note.chunk(file.number, at, data), true);
      }
    } catch (error) {
      link.send(notes.note.end(file.number, 6));
      endFile(file, ENDS[6]);
    } finally {
      file.pumping = false;
    }
  }

  // Latency.

  const rtts = [], losses = [];
  let plotTimer = 0;
  const median = (values) => values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];

  function takeRtt(rtt) {
    const now = performance.now() / 1000;
    if (rtt === null) losses.push(now - 2);
    else rtts.push([now, rtt]);
    while (rtts.length && rtts[0][0] < now - PLOT_S) rtts.shift();
    while (losses.length && losses[0] < now - PLOT_S) losses.shift();
    const values = rtts.map(([, value]) => value).sort((a, b) => a - b);
    if (!values.length) return;
    coarse = values.every((value) => Math.abs(value * 1e3 - Math.round(value * 1e3)) < 1e-6);
    say("rtt-now", rtt === null ? "lost" : duration(rtt));
    say("rtt-p50", duration(values[Math.floor(values.length / 2)]));
    say("rtt-p99", duration(values[Math.min(values.length - 1, Math.floor(values.length * 0.99))]));
    const lost = (100 * losses.length) / (losses.length + values.length);
    say("loss", lost ? `${digits(lost)} %` : "none");
    say("plot-note", `${values.length} round trips, last minute${coarse ? ", by a clock of 1 ms" : ""}`);
    headline();
  }

  function draw() {
    const canvas = $("plot"), ratio = window.devicePixelRatio || 1;
    const width = canvas.clientWidth, height = canvas.clientHeight, left = 52, bottom = 20, top = 8;
    if (!width) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const pen = canvas.getContext("2d"), style = getComputedStyle(document.documentElement);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    pen.scale(ratio, ratio);
    const now = performance.now() / 1000;
    const most = niceAbove(Math.max(1e-3, ...rtts.map(([, rtt]) => rtt)));
    const x = (at) => left + (width - left - 4) * (1 - (now - at) / PLOT_S);
    const y = (rtt) => top + (height - top - bottom) * (1 - rtt / most);
    pen.font = "12px system-ui, sans-serif";
    pen.strokeStyle = color("line");
    pen.fillStyle = color("muted");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const share of [0, 0.5, 1]) {
      const at = Math.round(y(most * share)) + 0.5;
      pen.beginPath(); pen.moveTo(left, at); pen.lineTo(width - 4, at); pen.stroke();
      pen.fillText(share ? tick(most * share) : "0", left - 6, at);
    }
    pen.textBaseline = "alphabetic";
    for (const [ago, align] of [[60, "left"], [30, "center"], [0, "right"]]) {
      pen.textAlign = align;
      pen.fillText(ago ? `${ago} s ago` : "now", x(now - ago), height - 4);
    }
    pen.strokeStyle = color("bad");
    pen.lineWidth = 2;
    for (const at of losses) { pen.beginPath(); pen.moveTo(x(at), top); pen.lineTo(x(at), height - bottom); pen.stroke(); }
    pen.strokeStyle = color("webrtc");
    pen.lineWidth = 1.5;
    pen.beginPath();
    rtts.forEach(([at, rtt], n) => (n && at - rtts[n - 1][0] < 1.5 ? pen.lineTo(x(at), y(rtt)) : pen.moveTo(x(at), y(rtt))));
    pen.stroke();
    if (rtts.length) {
      const [at, rtt] = rtts[rtts.length - 1];
      pen.fillStyle = color("webrtc");
      pen.beginPath(); pen.arc(x(at), y(rtt), 3, 0, 7); pen.fill();
    }
  }

  const tick = (s) => (s < 1e-3 ? `${Number((s * 1e6).toPrecision(3))} µs` : s < 1 ? `${Number((s * 1e3).toPrecision(3))} ms` : `${s} s`);

  function niceAbove(value) {
    const step = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((n) => n * step).find((n) => n >= value * 1.05) || 20 * step;
  }

  // Facts of the browser's own.

  const TYPES = {
    host: "an address of this device", srflx: "your router’s outside address", prflx: "this device, found on the way",
    relay: "a relay’s address",
  };
  function showFacts(facts) {
    const relayed = facts.local === "relay" || facts.remote === "relay";
    const inside = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|127\.|f[cd]|fe80|::1)/i.test(facts.address);
    kind = relayed ? "through a relay" : inside ? "direct in this network" : "direct";
    headline();
    const rows = [
      ["Path", kind],
      ["Your end", `${TYPES[facts.local] || "not told"} (${facts.local || "–"})`],
      [host ? `${host}’s end` : "Their end", `${TYPES[facts.remote] || "not told"} (${facts.remote || "–"})`.replace("your router’s", "their router’s").replace("this device", "their computer")],
      ["Protocol", `${(facts.protocol || "–").toUpperCase()}, DTLS, SCTP`],
      ["Round trip", facts.rtt_s === null ? "not measured" : `${duration(facts.rtt_s)} (by the browser)`],
      ["Sent / received", `${size(facts.sent || 0)} / ${size(facts.received || 0)}`],
    ];
    const list = $("facts");
    if (list.children.length !== rows.length)
      list.replaceChildren(...rows.map(() => { const row = element("div"); row.append(element("dt"), element("dd")); return row; }));
    rows.forEach(([term, value], n) => {
      list.children[n].firstChild.textContent = term;
      if (list.children[n].lastChild.textContent !== value) list.children[n].lastChild.textContent = value;
    });
  }

  // Buttons.

  $("join-form").onsubmit = (event) => { event.preventDefault(); join(); };
  $("again").onclick = () => { delete document.body.dataset.failure; join(); };
  $("cancel").onclick = () => { link._fail("cancelled"); welcomeAgain(); };
  $("say-form").onsubmit = (event) => {
    event.preventDefault();
    const text = $("say").value.trim();
    if (text && !ended) { speak(text); $("say").value = ""; }
  };
  $("bytes").onclick = () => {
    const form = $("bytes-form");
    form.hidden = !form.hidden;
    $("bytes").setAttribute("aria-expanded", String(!form.hidden));
  };
  $("bytes-form").onsubmit = (event) => { event.preventDefault(); if (!ended) pour(Number($("size").value)); };
  $("pick").onchange = () => { for (const each of $("pick").files) offer(each); $("pick").value = ""; };
  $("leave").onclick = () => link.close("me");
  // A connection that is left to itself would be missed only after many seconds.
  addEventListener("pagehide", () => { if (link) link.close("me"); });

  function welcomeAgain() { $("trust").replaceChildren(); welcome(); }
  if (pact.parseFragment(fragment)) { welcome(); goOn(); }
  else fail("malformed");
})();
