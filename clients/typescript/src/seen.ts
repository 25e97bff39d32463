/**
 * Remembers which events were handled.
 *
 * An event comes more than once: after a retry, in a replay, from another consumer after a lease has lapsed. Its id tells it.
 */
export interface Seen {
  has(id: number): boolean | Promise<boolean>;
  /** Note *id*; true if it was noted before. Of two calls at once, one gives false. */
  seen(id: number): boolean | Promise<boolean>;
}

/** The newest *limit* ids that this process has seen; they end with it. */
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

/** Give those of ascending *ids* that are above *low*, up to and with *high*. */
export function between(ids: readonly number[], low: number, high: number): readonly number[] {
  return ids.slice(after(ids, low), after(ids, high));
}

/** The number of ascending *ids* that are at most *id*. */
function after(ids: readonly number[], id: number): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ids[middle]! <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
