/** Finds the events that a receiver lacks: compares the hub's digests of the log with digests of the ids that it has kept. */

import { between } from "./seen.js";

const PARTS = 100;

/** A receiver's record of the events that it has handled. */
export interface Kept {
  /** Give the ids above *low*, up to and with *high*, in ascending order. */
  ids(low: number, high: number): Iterable<number> | Promise<Iterable<number>>;
}

/** The result of a comparison. The next comparison can start at the cursor `to`. `count` is the number of the hub's events. */
export interface Completeness {
  from: string;
  to: string;
  count: number;
  /** True if nothing is missing. */
  isComplete: boolean;
  /** Ids that only the hub has: read them with `fetch`, or start a replay. */
  missing: number[];
  /** Ids that only you have, or ids of events that the types, filter or subscription leave out. */
  unknown: number[];
}

export interface Bounds {
  from?: string | number | undefined;
  to?: string | number | undefined;
  ranges?: number;
}

interface Part {
  from: string;
  to: string;
  after_id: number;
  last_id: number;
  count: number;
  digest: string;
}

interface Digest extends Part {
  more: boolean;
  ranges: Part[];
}

/** Compare ranges of equal size, and divide each differing range until it has at most one event. */
export async function verify(kept: Kept, bounds: Bounds, ask: (bounds: Bounds) => Promise<Digest>): Promise<Completeness> {
  const missing: number[] = [];
  const unknown: number[] = [];
  const { to } = bounds;
  let [first, begin, count, more] = ["", bounds.from, 0, true];
  while (more) {
    // one call may cover only a part of the range
    const whole = await ask({ from: begin, to, ranges: PARTS });
    const own = [...(await kept.ids(whole.after_id, whole.last_id))];
    const divided: [Digest, boolean][] = [[whole, true]]; // with whether it may end after its last event
    for (let next = divided.pop(); next; next = divided.pop()) {
      const [answer, isOpen] = next;
      for (const part of answer.ranges) {
        const ids = between(own, part.after_id, part.last_id);
        const endsOpen = isOpen && part === answer.ranges.at(-1);
        if ((await digest(ids)) === part.digest) continue;
        if (part.count > 1) {
          divided.push([await ask({ from: part.from, to: part.to, ranges: PARTS }), endsOpen]);
          continue;
        }
        const hubs = part.count ? await only(part, endsOpen, ask) : undefined;
        if (hubs !== undefined && !ids.includes(hubs)) missing.push(hubs);
        unknown.push(...ids.filter((one) => one !== hubs));
      }
    }
    [first, begin, count, more] = [first || whole.from, whole.to, count + whole.count, whole.more];
  }
  const ascending = (ids: number[]) => ids.sort((one, other) => one - other);
  return {
    from: first,
    to: String(begin),
    count,
    isComplete: missing.length === 0,
    missing: ascending(missing),
    unknown: ascending(unknown),
  };
}

/** The SHA-256 of ascending ids as the hub makes it: decimal, each followed by a line feed. */
async function digest(ids: readonly number[]): Promise<string> {
  const text = new TextEncoder().encode(ids.map((one) => `${one}\n`).join(""));
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Find the id of the only event of *part*. It is the end of *part*, except in the last part. */
async function only(part: Part, endsOpen: boolean, ask: (bounds: Bounds) => Promise<Digest>): Promise<number> {
  let [low, high] = [part.after_id, part.last_id];
  while (endsOpen && high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if ((await ask({ from: low, to: middle })).count) high = middle;
    else low = middle;
  }
  return high;
}
