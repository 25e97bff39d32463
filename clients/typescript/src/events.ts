/** Events of a client, the types of a hub's own names, and the position in the log up to which a client has handled it. */

/** One event. `id` is unique and grows in the order of the log. Only a pushed event has a `cursor`. */
export interface HubEvent<Type extends string = string, Payload = Record<string, any>> {
  id: number;
  type: Type;
  createdUtc: string;
  companyId: number;
  companyRef?: string;
  environment: "live" | "test";
  payload: Payload;
  metadata: Record<string, unknown>;
  cursor?: string;
}

/** The names and types of a hub's own events, actions, searches and lookups; `trunkline export typescript` writes them. */
export interface Shapes {
  events: Record<string, any>;
  actions: Record<string, { input: any; output: any }>;
  searches: Record<string, { input: any; output: any }>;
  lookups: Record<string, any>;
}

/** The default types, which fit any hub: every name, with every member. */
export interface AnyShapes extends Shapes {
  events: Record<string, Record<string, any>>;
  actions: Record<string, { input: Record<string, unknown>; output: Record<string, any> }>;
  searches: Record<string, { input: Record<string, unknown>; output: Record<string, any> }>;
  lookups: Record<string, Record<string, any>>;
}

export type Name<T> = keyof T & string;

/** The groups of the event type *N*: `order.*` and `order.item.*` of `order.item.added`. */
type GroupOf<N extends string, Before extends string = ""> = N extends `${infer First}.${infer Rest}`
  ? `${Before}${First}.*` | GroupOf<Rest, `${Before}${First}.`>
  : never;

/** What a reader may name: an event type, a group of them, or `*` for all. */
export type Choice<T> = Name<T> | GroupOf<Name<T>> | "*";

/** An event of a hub with the types *S*: `event.type` determines the type of its payload. */
export type EventOf<S extends Shapes> = {
  [N in Name<S["events"]>]: HubEvent<N, S["events"][N]>;
}[Name<S["events"]>];

/** A position in the log: everything up to `cursor` is handled, and after that everything up to the event `id`. */
export interface Place {
  cursor: string | null;
  id: number;
}

/** A persistent store for a client's position. `save` stores it in one step. */
export interface Places {
  load(): Place | undefined | Promise<Place | undefined>;
  save(place: Place): void | Promise<void>;
}

/** Read an envelope. Throws `TypeError` for anything else. */
export function readEvent(envelope: any): HubEvent<any, any> {
  const { id, type, createdUtc, companyId, payload } = envelope ?? {};
  if (!Number.isInteger(id) || typeof type !== "string" || !createdUtc || companyId === undefined || !payload) {
    throw new TypeError("this is not an event");
  }
  return { metadata: {}, environment: "live", ...envelope };
}
