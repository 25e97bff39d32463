// Follows a hub's events for ever, from where it stopped. Node.js 20 or newer, no packages.
//
//   HUB_URL=https://hub.example.com HUB_KEY=… node follow.mjs
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { HUB_URL, HUB_KEY } = process.env;
const CURSOR_FILE = "cursor.txt";

async function handle(event) {
  console.log(event.id, event.type);
}

function loadCursor() {
  return existsSync(CURSOR_FILE) ? readFileSync(CURSOR_FILE, "utf8") : "";
}

function saveCursor(cursor) {
  writeFileSync(`${CURSOR_FILE}.new`, cursor);
  renameSync(`${CURSOR_FILE}.new`, CURSOR_FILE); // in one step: a crash leaves the old one or the new one
}

async function nextPage(cursor) {
  const query = new URLSearchParams({ limit: "200", wait: "30", cursor });
  const answer = await fetch(`${HUB_URL}/api/v1/events?${query}`, {
    headers: { "X-Api-Key": HUB_KEY },
    signal: AbortSignal.timeout(60_000),
  });
  if (answer.ok) return answer.json();
  const problem = await answer.json().catch(() => ({ detail: `answered ${answer.status}` }));
  const error = new Error(problem.detail);
  error.isFinal = answer.status < 500 && answer.status !== 429;
  error.waitSeconds = Number(answer.headers.get("retry-after")) || 5;
  throw error;
}

while (true) {
  try {
    const page = await nextPage(loadCursor());
    for (const event of page.events) await handle(event);
    saveCursor(page.next_cursor); // after the work: killed in between, we see this page again
  } catch (error) {
    console.error(error.message);
    if (error.isFinal) process.exit(1);
    await sleep((error.waitSeconds ?? 5) * 1000);
  }
}
