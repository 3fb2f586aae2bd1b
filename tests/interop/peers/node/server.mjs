// A TLS echo server on Node's tls. It prints its port first.
import { readFileSync } from "node:fs";
import tls from "node:tls";
import { common, deadline, given, identity, show } from "./common.mjs";

const options = common();
if (given.client_ca) {
  Object.assign(options, { requestCert: true, rejectUnauthorized: true, ca: readFileSync(given.client_ca) });
}
const server = tls.createServer(options, (socket) => {
  show(socket);
  socket.setTimeout(deadline, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
});
if (given.second) server.addContext(given.second.name, identity(given.second));
server.on("tlsClientError", (error, socket) => show(socket, error));
server.listen(0, "127.0.0.1", () => console.log(JSON.stringify({ port: server.address().port })));
