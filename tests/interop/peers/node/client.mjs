// A TLS client on Node's tls. It makes its connections one after the other, each with the session of the one before.
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { common, deadline, given, show } from "./common.mjs";

const size = 20_000;
const rounds = 8;

function block(number) {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index + number) % 251));
}

// Sends a block when the last one has come back, ends after the last, and resolves at the peer's end.
function talk(session) {
  return new Promise((resolve) => {
    let kept;
    let number = 0;
    let received = Buffer.alloc(0);
    const options = { ...common(), host: "127.0.0.1", port: given.port, servername: given.server_name, session };
    options.ca = readFileSync(given.ca);
    const socket = tls.connect(options, () => socket.write(block(0)));
    const finish = (error) => {
      show(socket, error);
      socket.destroy();
      resolve(kept);
    };
    socket.setTimeout(deadline, () => finish("timeout"));
    socket.on("session", (fresh) => (kept = fresh));
    socket.on("error", finish);
    socket.on("end", () => finish(number < rounds ? "the server closed too early" : undefined));
    socket.on("data", (data) => {
      received = Buffer.concat([received, data]);
      if (received.length < size) return;
      if (!received.equals(block(number))) return finish("another block came back");
      received = Buffer.alloc(0);
      number += 1;
      if (number < rounds) socket.write(block(number));
      else socket.end();
    });
  });
}

let session;
for (let count = 0; count < given.connections; count += 1) session = await talk(session);
