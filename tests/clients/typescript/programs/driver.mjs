// Makes the calls that come in lines, and tells what each gave and what the hub answered.
import { createInterface } from "node:readline";

import { Client } from "@trunkline/client";

let answers = [];
const { HUB_URL, HUB_KEY } = process.env;
const hub = new Client(HUB_URL, HUB_KEY, {
  company: 92,
  fetch: async (url, request) => {
    const answer = await fetch(url, request);
    const [type, body] = [answer.headers.get("content-type") ?? "", await answer.clone().text()];
    answers.push({ method: request.method, url, status: answer.status, type, body });
    return answer;
  },
});

for await (const line of createInterface({ input: process.stdin })) {
  const { method, args } = JSON.parse(line);
  answers = [];
  const told = {};
  try {
    const given = await hub[method](...args);
    told.content = (method === "lookup" ? (await given.next()).value : given) ?? null;
  } catch (error) {
    told.error = { status: error.status ?? -1, detail: String(error.stack) };
  }
  console.log(JSON.stringify({ ...told, answers }));
}
