// What the server and the client have in common: options from the command line, and one JSON object for each connection.
import { readFileSync } from "node:fs";

export const given = JSON.parse(process.argv[2]);
export const deadline = 60_000;

export function identity(files) {
  return { cert: readFileSync(files.chain), key: readFileSync(files.key) };
}

export function common() {
  const options = { minVersion: given.version, maxVersion: given.version };
  if (given.identity) Object.assign(options, identity(given.identity));
  if (given.protocols.length) options.ALPNProtocols = given.protocols;
  return options;
}

export function show(socket, error) {
  const report = { version: "", protocol: "", server_name: "", peer: "", resumed: false, error: error ? String(error) : "" };
  if (socket?.getProtocol) {
    report.version = (socket.getProtocol() ?? "").replace("TLSv", "");
    report.protocol = socket.alpnProtocol || "";
    report.server_name = socket.servername || "";
    report.peer = socket.getPeerCertificate()?.subject?.CN ?? "";
    report.resumed = socket.isSessionReused();
  }
  console.log(JSON.stringify(report));
}
