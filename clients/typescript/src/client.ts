/** The client: calls of the API by their names, and methods that make several calls. */

import { verify } from "./completeness.js";
import type { Bounds, Completeness, Kept } from "./completeness.js";
import { EventQuarantined, Refused } from "./errors.js";
import { readEvent } from "./events.js";
import type { AnyShapes, Choice, EventOf, HubEvent, Name, Place, Places, Shapes } from "./events.js";
import { ROUTES } from "./operations.js";
import type { Operations } from "./operations.js";
import { Transport } from "./transport.js";
import type { Call, ClientOptions, Query } from "./transport.js";

const PAGE = 200;
const FOR_EVER = Infinity;
const ONE = { actions: "action", searches: "search", lookups: "lookup" };

type Input<N extends keyof Operations> = Operations[N]["input"];
type Output<N extends keyof Operations> = Operations[N]["output"];
/** *T* as an argument, which may be left out if none of its members is required. */
type Argument<T> = {} extends T ? [values?: T] : [values: T];
type Paged = {
  [N in keyof Operations]: Output<N> extends { next_cursor?: string | null } ? N : never;
}[Exclude<keyof Operations, "listEvents">];
type ItemOf<T> = { [K in keyof T]: T[K] extends readonly (infer One)[] ? One : never }[keyof T];

interface Definition {
  name: string;
  method: string;
  path: string;
  /** The member of the answer with the list of items. */
  items?: string;
}

export interface EmitOptions {
  metadata?: Record<string, unknown>;
  /** Only an operator's key needs it: an id or a reference. */
  company?: number | string;
  idempotencyKey?: string;
}

interface Selection<S extends Shapes> {
  types?: readonly Choice<S["events"]>[];
  filter?: Record<string, any>;
}

interface Waiting<S extends Shapes> extends Selection<S> {
  waitSeconds?: number;
  /** Ends the iteration, which then throws the signal's reason. */
  signal?: AbortSignal;
}

export interface FollowOptions<S extends Shapes = AnyShapes> extends Waiting<S> {
  places?: Places;
  /** Where to begin without a stored place (ISO 8601); by default at the oldest event that the hub keeps. */
  since?: string;
}

export interface ConsumeOptions<S extends Shapes = AnyShapes> extends Waiting<S> {
  /** `now`, `beginning`, a cursor or a time. */
  start?: string;
  leaseSeconds?: number;
  limit?: number;
}

export interface VerifyOptions<S extends Shapes = AnyShapes> extends Selection<S> {
  /** A cursor, a time or an id. */
  from?: string | number;
  to?: string | number;
  subscription?: string;
}

/**
 * Calls one hub with one API key or access token.
 *
 * A call that the hub refuses throws `Refused`. A call without an answer is retried three times if it is idempotent, and then
 * throws `Unanswered`. Pass an `idempotencyKey` to make a call safe across restarts of your program too.
 *
 * *S* are the hub's own names and types, as `trunkline export typescript` writes them.
 */
export class Client<S extends Shapes = AnyShapes> {
  readonly #transport: Transport;
  readonly #definitions = new Map<string, readonly Definition[]>();

  constructor(url: string, key: string, options: ClientOptions = {}) {
    this.#transport = new Transport(url, key, options);
  }

  /** Make the call of the API called *name*: `hub.call("getDelivery", { delivery_id: "dlv_1" })`. */
  async call<N extends keyof Operations>(name: N, ...[values]: Argument<Input<N>>): Promise<Output<N>> {
    return this.#transport.request(callOf(name, { ...values }));
  }

  /** Give each item of a list, page by page: `for await (const one of hub.pages("listDeliveries", { … }))`. */
  async *pages<N extends Paged>(name: N, ...[values]: Argument<Input<N>>): AsyncGenerator<ItemOf<Output<N>>, void> {
    for (let cursor: unknown; ; ) {
      const page = await this.#transport.request(callOf(name, { ...values, ...(cursor ? { cursor } : {}) }));
      yield* itemsOf(page);
      if (!(cursor = page.next_cursor)) return;
    }
  }

  /** Make a call that is not in the OpenAPI document, such as a route of your own plugin. It is retried if *method* allows that. */
  async request(method: string, path: string, options: { query?: Query; body?: unknown } = {}): Promise<any> {
    return this.#transport.request({ method, path, ...options });
  }

  /** Emit an event and give it as it was stored. Throws `EventQuarantined` if it breaks its schema. */
  async emit<N extends Name<S["events"]>>(
    type: N,
    payload: S["events"][N],
    options: EmitOptions = {},
  ): Promise<HubEvent<N, S["events"][N]>> {
    const { metadata, company, idempotencyKey } = options;
    const body = { type, payload, metadata, companyId: company };
    const answer = await this.#transport.request(writing("POST", "/api/v1/events", body, idempotencyKey));
    if (answer.quarantined) throw new EventQuarantined(answer.quarantined.id, answer.quarantined.errors);
    return readEvent(answer);
  }

  /**
   * Give every event after the stored place, oldest first, and wait for new ones; it never ends.
   *
   * While the hub is unavailable or busy it waits and continues. An event counts as handled when the next one is requested.
   * Throws `Refused` if the key or a type's name is not valid, or the hub no longer keeps the events after the place.
   */
  async *follow(options: FollowOptions<S> = {}): AsyncGenerator<EventOf<S>, never> {
    const { places, since, waitSeconds = 30, signal } = options;
    let place: Place = (await places?.load()) ?? { cursor: null, id: 0 };
    const query = { limit: PAGE, wait: Math.ceil(waitSeconds), ...selected(options) };
    for (;;) {
      const start = place.cursor ? { cursor: place.cursor } : { since };
      const page = await this.#get("/api/v1/events", { ...query, ...start }, signal, FOR_EVER);
      for (const event of page.events.map(readEvent)) {
        if (event.id <= place.id) continue;
        yield event;
        place = { cursor: place.cursor, id: event.id };
        await places?.save(place);
      }
      if (page.next_cursor !== place.cursor) {
        place = { cursor: page.next_cursor, id: place.id };
        await places?.save(place);
      }
    }
  }

  /**
   * Give the events of the consumer *name*, whose cursor the hub keeps, and wait for new ones; it never ends.
   *
   * Programs that use the same name share the events by pages. A page is committed when the event after its last one is
   * requested; if that takes longer than `leaseSeconds`, its events are given again, to any of the programs.
   *
   * `types`, `filter` and `start` define the consumer. Without them a new consumer reads every event from now on.
   */
  async *consume(name: string, options: ConsumeOptions<S> = {}): AsyncGenerator<EventOf<S>, never> {
    const { types, filter, start, leaseSeconds = 60, waitSeconds = 30, limit = PAGE, signal } = options;
    const path = `/api/v1/consumers/${encodeURIComponent(name)}`;
    const make = (call: Call) => this.#transport.request({ ...call, isIdempotent: true, tries: FOR_EVER, signal });
    const define = () => make({ method: "PUT", path, body: { event_types: types, filter, start } });
    const query = { limit, wait: Math.ceil(waitSeconds), lease_seconds: leaseSeconds };
    if (types ?? filter ?? start) await define();
    for (;;) {
      let page: any;
      try {
        page = await make({ method: "GET", path: `${path}/events`, query });
      } catch (error) {
        if (!(error instanceof Refused && error.status === 404)) throw error;
        await define();
        continue;
      }
      for (const envelope of page.events) yield readEvent(envelope);
      if (page.lease === null) continue;
      try {
        await make({ method: "POST", path: `${path}/commit`, body: { cursor: page.cursor, lease: page.lease } });
      } catch (error) {
        if (error instanceof Refused && error.status === 404) continue; // deleted meanwhile
        if (!(error instanceof Refused && error.status === 409)) throw error;
        console.warn(
          `The lease of ${page.events.length} events of the consumer '${name}' has lapsed: they are given out again. ` +
            `Handle a page within leaseSeconds (${leaseSeconds}), or ask for a smaller limit.`,
        );
      }
    }
  }

  /**
   * Compare the events that *kept* has with those of the hub between two cursors, times or ids.
   *
   * `types`, `filter` or `subscription` say which events you should have. It takes one call if nothing is missing, and a few
   * more calls to find missing events. Throws `Refused` if the hub no longer keeps the first of these events.
   */
  async verifyComplete(kept: Kept, options: VerifyOptions<S> = {}): Promise<Completeness> {
    const wanted = { ...selected(options), subscription: options.subscription };
    const ask = (bounds: Bounds) => this.#get("/api/v1/events/digest", { ...bounds, ...wanted });
    return verify(kept, { from: options.from, to: options.to }, ask);
  }

  /** Give the events of *ids*, such as those that `verifyComplete` finds missing. */
  async *fetch(ids: Iterable<number>): AsyncGenerator<EventOf<S>, void> {
    for (const id of ids) yield readEvent(await this.#get(`/api/v1/events/${id}`));
  }

  /** Carry out the action *name*, and give its output: `hub.act("create_lead", { first_name: "Jane", … })`. */
  async act<N extends Name<S["actions"]>>(
    name: N,
    values: S["actions"][N]["input"],
    options: { idempotencyKey?: string } = {},
  ): Promise<S["actions"][N]["output"]> {
    const action = await this.#find("actions", name);
    const [path, rest] = filled(action.path, values, name);
    const [excess] = action.method === "DELETE" ? Object.keys(rest) : [];
    if (excess) throw new TypeError(`'${name}' takes no ${excess}; it deletes what its path names`);
    const body = action.method === "DELETE" ? undefined : rest;
    return this.#transport.request(writing(action.method, path, body, options.idempotencyKey));
  }

  /** Find a record: `hub.search("find_client", { email: "jane@example.com" })`; undefined if there is none. */
  async search<N extends Name<S["searches"]>>(
    name: N,
    values: S["searches"][N]["input"],
  ): Promise<S["searches"][N]["output"] | undefined> {
    const search = await this.#find("searches", name);
    try {
      const answer = await this.#get(...filled(search.path, values, name));
      return search.items ? answer[search.items]?.[0] : answer;
    } catch (error) {
      if (!search.items && error instanceof Refused && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Give every record that a search finds, page by page. */
  async *searchAll<N extends Name<S["searches"]>>(
    name: N,
    values: S["searches"][N]["input"],
  ): AsyncGenerator<S["searches"][N]["output"], void> {
    const search = await this.#find("searches", name);
    if (search.items) return yield* this.#allItems(search, values);
    const found = await this.search(name, values);
    if (found !== undefined) yield found;
  }

  /** Give every item of a list, or the items that *query* finds: `hub.lookup("employees")`. */
  async *lookup<N extends Name<S["lookups"]>>(name: N, query?: string): AsyncGenerator<S["lookups"][N], void> {
    yield* this.#allItems(await this.#find("lookups", name), { q: query });
  }

  #get(path: string, query: Query = {}, signal?: AbortSignal, tries?: number): Promise<any> {
    return this.#transport.request({ method: "GET", path, query, signal, tries });
  }

  async *#allItems(listed: Definition, values: object): AsyncGenerator<any, void> {
    const [path, query] = filled(listed.path, values, listed.name);
    for (let cursor = query["cursor"]; ; ) {
      const answer = await this.#get(path, { ...query, cursor });
      yield* answer[listed.items!] ?? [];
      if (!(cursor = answer.next_cursor)) return;
    }
  }

  async #find(kind: keyof typeof ONE, name: string): Promise<Definition> {
    let known = this.#definitions.get(kind);
    if (!known) this.#definitions.set(kind, (known = (await this.#get(`/api/v1/${kind}`))[kind] as Definition[]));
    const found = known.find((one) => one.name === name);
    if (found) return found;
    const names = known.map((one) => one.name).join(", ") || "none";
    throw new TypeError(`the hub has no ${ONE[kind]} '${name}'; it has: ${names}`);
  }
}

/** Make the call of the operation *name*. *values* fill its path, body and headers; the other values go into its query. */
function callOf(name: keyof Operations, values: Record<string, unknown>): Call {
  const [method, route, takesKey] = ROUTES[name].split(" ") as [string, string, string?];
  const { body, idempotencyKey, ifMatch, ifNoneMatch, ...rest } = values;
  const [path, query] = filled(route, rest, name);
  const given = {
    "Idempotency-Key": idempotencyKey ?? (takesKey && crypto.randomUUID()),
    "If-Match": ifMatch,
    "If-None-Match": ifNoneMatch,
  };
  const headers = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return { method, path, query, body, headers: headers as Record<string, string> };
}

function writing(method: string, path: string, body: unknown, idempotencyKey: string | undefined): Call {
  return { method, path, body, headers: { "Idempotency-Key": idempotencyKey ?? crypto.randomUUID() } };
}

/** Fill the parameters of *path* from *values*; the other values are left for the body or the query. */
function filled(path: string, values: object, name: string): [string, Record<string, unknown>] {
  const rest = Object.fromEntries(Object.entries(values ?? {}).filter(([, value]) => value !== undefined));
  const whole = path.replace(/{(\w+)}/g, (_, key: string) => {
    const value = rest[key];
    if (value === undefined || value === null) throw new TypeError(`'${name}' needs ${key}`);
    delete rest[key];
    return encodeURIComponent(String(value));
  });
  return [whole, rest];
}

function selected(options: { types?: readonly string[]; filter?: unknown }): Query {
  const { types, filter } = options;
  return { types: types?.join(","), filter: filter === undefined ? undefined : JSON.stringify(filter) };
}

/** The items of a page: the only list in it. */
function itemsOf(page: Record<string, unknown>): any[] {
  return Object.values(page).find((value) => Array.isArray(value)) as any[];
}
