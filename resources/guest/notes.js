"use strict";
// Frames of the data channels (docs/wire.md 12.3) and the notes inside (section 8): bytes to values and back. Big-endian.

const notes = (() => {
  const FRAME = { PROOF: 1, ABOUT: 2, PART: 3, LAST: 4, GOT: 5, FACTS: 6, PING: 0x10, PONG: 0x11 };
  const NOTE = {
    TEXT: 1, PAYLOAD: 2, OFFER: 0x10, ACCEPT: 0x11, CHUNK: 0x12, GOT: 0x13, PAUSE: 0x14, RESUME: 0x15, END: 0x16,
  };
  const WANTS_ECHO = 1, IS_ECHO = 2;
  const utf8 = new TextEncoder(), words = new TextDecoder("utf-8", { fatal: true });

  // `fields` are pairs of a kind of number and a value: 1, 4 and 8 bytes, "f" a double.
  function pack(fields, tail = new Uint8Array(0)) {
    const size = fields.reduce((sum, [kind]) => sum + (kind === "f" ? 8 : kind), 0);
    const out = new Uint8Array(size + tail.length), view = new DataView(out.buffer);
    let at = 0;
    for (const [kind, value] of fields) {
      if (kind === 1) view.setUint8(at, value);
      else if (kind === 4) view.setUint32(at, value);
      else if (kind === 8) view.setBigUint64(at, BigInt(value));
      else view.setFloat64(at, value);
      at += kind === "f" ? 8 : kind;
    }
    out.set(tail, size);
    return out;
  }

  // Numbers from the start, then the rest; throws a RangeError where it is too short.
  function unpack(data, kinds) {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength), values = [];
    let at = 0;
    for (const kind of kinds) {
      if (kind === 1) values.push(view.getUint8(at));
      else if (kind === 4) values.push(view.getUint32(at));
      else if (kind === 8) values.push(Number(view.getBigUint64(at)));
      else values.push(view.getFloat64(at));
      at += kind === "f" ? 8 : kind;
    }
    return [...values, data.subarray(at)];
  }

  const json = (value) => utf8.encode(JSON.stringify(value));

  const frame = {
    proof: (mac) => pack([[1, FRAME.PROOF]], mac),
    about: (about) => pack([[1, FRAME.ABOUT]], json(about)),
    piece: (data, last) => pack([[1, last ? FRAME.LAST : FRAME.PART]], data),
    got: (messages, taken) => pack([[1, FRAME.GOT], [4, messages], [8, taken]]),
    facts: (facts) => pack([[1, FRAME.FACTS]], json(facts)),
    ping: (sequence, t1) => pack([[1, FRAME.PING], [4, sequence], ["f", t1]]),
    pong: (sequence, t1, t2, count) =>
      pack([[1, FRAME.PONG], [4, sequence], ["f", t1], ["f", t2], [4, count]]),
  };

  const note = {
    text: (text) => pack([[1, NOTE.TEXT]], utf8.encode(text)),
    payload: (number, flags, total, offset, data) =>
      pack([[1, NOTE.PAYLOAD], [4, number], [1, flags], [4, total], [4, offset]], data),
    offer: (file, size, digest, name) =>
      pack([[1, NOTE.OFFER], [4, file], [8, size]], pact.join(digest, name)),
    accept: (file, offset) => pack([[1, NOTE.ACCEPT], [4, file], [8, offset]]),
    chunk: (file, offset, data) => pack([[1, NOTE.CHUNK], [4, file], [8, offset]], data),
    got: (file, offset) => pack([[1, NOTE.GOT], [4, file], [8, offset]]),
    end: (file, reason) => pack([[1, NOTE.END], [4, file], [1, reason]]),
  };

  // A note as an object with its `kind`. Throws where it is none.
  function read(data) {
    const kind = data[0];
    if (kind === NOTE.TEXT) return { kind, text: words.decode(data.subarray(1)) };
    if (kind === NOTE.PAYLOAD) {
      const [, number, flags, total, offset, body] = unpack(data, [1, 4, 1, 4, 4]);
      if (offset + body.length > total) throw new RangeError("a payload beyond its end");
      return { kind, number, flags, total, offset, data: body };
    }
    if (kind === NOTE.OFFER) {
      const [, file, size, rest] = unpack(data, [1, 4, 8]);
      if (rest.length < 33) throw new RangeError("an offer without a name");
      return { kind, file, size, digest: rest.slice(0, 32), name: words.decode(rest.subarray(32)) };
    }
    if (kind === NOTE.ACCEPT || kind === NOTE.GOT) {
      const [, file, offset] = unpack(data, [1, 4, 8]);
      return { kind, file, offset };
    }
    if (kind === NOTE.CHUNK) {
      const [, file, offset, body] = unpack(data, [1, 4, 8]);
      return { kind, file, offset, data: body };
    }
    if (kind === NOTE.PAUSE || kind === NOTE.RESUME) return { kind, file: unpack(data, [1, 4])[1] };
    if (kind === NOTE.END) {
      const [, file, reason] = unpack(data, [1, 4, 1]);
      return { kind, file, reason };
    }
    throw new RangeError(`no note begins with ${kind}`);
  }

  return { FRAME, NOTE, WANTS_ECHO, IS_ECHO, frame, note, read, unpack };
})();
