// The local stack as a process, and the two simulators' control APIs.

import { spawn } from "node:child_process";
import { createServer } from "node:net";

export const TOKEN = "LocalOperatorTokenThatProtectsNothingButThisMachine";

async function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts `cargo run`'s program; gives the sign-in link that it prints, and the URLs. */
export async function start(...options) {
  const [api, robaws, productflow] = await Promise.all([freePort(), freePort(), freePort()]);
  const ports = ["--port", api, "--robaws-port", robaws, "--productflow-port", productflow].map(String);
  const child = spawn("target/debug/local", [...ports, "--poll-every", "1", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let printed = "";
  const link = await new Promise((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`the stack ended with ${code}: ${printed}`)));
    child.stdout.on("data", (text) => {
      printed += text;
      const found = printed.match(/http:\S+\/in\/\S+/);
      if (found) resolve(found[0]);
    });
  });
  child.removeAllListeners("exit");
  return {
    link,
    api: `http://127.0.0.1:${api}`,
    robaws: `http://127.0.0.1:${robaws}/_control/tenants/demo`,
    productflow: `http://127.0.0.1:${productflow}/_control/companies/42`,
    stop: () => child.kill(),
  };
}

/** One request that must succeed; gives the JSON that comes back. */
export async function call(method, url, body) {
  const response = await fetch(url, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}
