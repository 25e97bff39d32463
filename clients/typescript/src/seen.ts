/**
 * Stores of the ids of handled events.
 *
 * An event can come more than once: after a retry, in a replay, from another consumer after a lease has lapsed. Its id
 * identifies it.
 */
export interface Seen {
  has(id: number): boolean | Promise<boolean>;
  /** Store *id*; true if it was already stored. Of two simultaneous calls, one returns false. */
  seen(id: number): boolean | Promise<boolean>;
}

/** The newest *limit* ids that this process has seen, in memory. */
export class MemorySeen implements Seen {
  readonly #limit: number;
  readonly #ids: number[] = [];
  readonly #noted = new Set<number>();

  constructor({ limit = 100_000 } = {}) {
    this.#limit = limit;
  }

  has(id: number): boolean {
    return this.#noted.has(id);
  }

  seen(id: number): boolean {
    if (this.#noted.has(id)) return true;
    this.#noted.add(id);
    this.#ids.splice(after(this.#ids, id), 0, id);
    if (this.#ids.length > this.#limit) this.#noted.delete(this.#ids.shift()!);
    return false;
  }

  /** Give the ids above *low*, up to and with *high*, for `verifyComplete`. */
  ids(low: number, high: number): readonly number[] {
    return between(this.#ids, low, high);
  }
}

/** Select from ascending *ids* the ids above *low*, up to and with *high*. */
export function between(ids: readonly number[], low: number, high: number): readonly number[] {
  return ids.slice(after(ids, low), after(ids, high));
}

/** Count the ids in ascending *ids* that are at most *id*. */
function after(ids: readonly number[], id: number): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
