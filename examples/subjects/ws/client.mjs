// Talks to `reference` with the `ws` library.
//
//   node client.mjs ws://HOST:PORT/ws/echo
//
// Prints one line, and ends with 0, if all went well. Certificates are not checked: tests sign their own.
import assert from "node:assert";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { WebSocket } from "ws";

const url = process.argv[2];
setTimeout(() => { console.error("no answer in time"); process.exit(1); }, 60_000);

async function open(path, options = {}) {
  const socket = new WebSocket(url.replace(/echo$/, path), { rejectUnauthorized: false, ...options });
  await once(socket, "open");
  return socket;
}

async function echo(options) {
  const socket = await open("echo", options);
  // Nothing long that repeats itself: what inflates too far is refused, as it should be.
  for (const message of ["", "text", "κόσμε ".repeat(1000), Buffer.alloc(0), randomBytes(140_000), randomBytes(1 << 20)]) {
    socket.send(message);
    const [data, binary] = await once(socket, "message");
    assert.strictEqual(binary, typeof message !== "string");
    assert(data.equals(Buffer.from(message)));
  }
  for (const [part, fin] of [["in ", false], ["three ", false], ["fragments", true]]) socket.send(part, { fin });
  assert.strictEqual(String((await once(socket, "message"))[0]), "in three fragments");
  socket.ping("are you there");
  assert.strictEqual(String((await once(socket, "pong"))[0]), "are you there");
  const { extensions } = socket;
  socket.close(4001, "bye");
  assert.strictEqual((await once(socket, "close"))[0], 4001);
  return extensions;
}

assert.match(await echo(), /permessage-deflate/);
assert.strictEqual(await echo({ perMessageDeflate: false }), "");
await Promise.all(Array.from({ length: 10 }, () => echo()));
const crash = await open("crash");
crash.send("crash");
assert.strictEqual((await once(crash, "close"))[0], 1011);
console.log("ws: all went well");
process.exit(0);
