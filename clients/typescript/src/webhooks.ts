/** Receiving webhooks: verify, read, and handle each event once. */

import { NotGenuine } from "./errors.js";
import { readEvent } from "./events.js";
import type { AnyShapes, EventOf, Shapes } from "./events.js";
import type { Seen } from "./seen.js";

const TOLERANCE_SECONDS = 300;
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const JWKS_LAST_SECONDS = 3600;
const JWKS_AGAIN_SECONDS = 30;

export type HeadersLike = Headers | Readonly<Record<string, string | readonly string[] | undefined>>;

/** A source of keys that may change: `Jwks`. */
export interface Keys {
  /** Give the keys (`whsec_…`, `whpk_…`); *again* if the previous ones did not verify. */
  keys(again?: boolean): Promise<readonly string[]>;
}

/** A subscription's `whsec_…`, a public key `whpk_…`, an array of secrets of which one must match, or a `Jwks`. */
export type Secret = string | readonly string[] | Keys;

type Handler<S extends Shapes> = (event: EventOf<S>) => unknown;

/** A request of Node's `http` or of Express. */
export interface NodeRequest extends AsyncIterable<Uint8Array> {
  headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readableDidRead?: boolean;
  /** The raw body, if `express.raw()` has read it. */
  body?: unknown;
  /** The raw body, if a platform such as NestJS or Google Cloud Functions keeps it. */
  rawBody?: unknown;
}

export interface NodeAnswer {
  writeHead(status: number, headers?: Record<string, string>): { end(text?: string): unknown };
}

/** Verifies requests by *secret*. With *seen*, an event that was handled already is not handled again. */
export class Receiver<S extends Shapes = AnyShapes> {
  readonly #secret: Secret;
  readonly #seen: Seen | undefined;

  constructor(secret: Secret, options: { seen?: Seen } = {}) {
    this.#secret = secret;
    this.#seen = options.seen;
  }

  /**
   * Pass the event of a request to *handler*; false if it was handled before.
   *
   * The event counts as handled when *handler* has ended. If *handler* throws, or the program is killed in it, the hub sends the
   * event again.
   * Throws `NotGenuine`: answer with 401.
   */
  async handle(body: Uint8Array | string, headers: HeadersLike, handler: Handler<S>): Promise<boolean> {
    const event = await verifyWebhook<S>(body, headers, this.#secret);
    if (await this.#seen?.has(event.id)) return false;
    await handler(event);
    await this.#seen?.seen(event.id);
    return true;
  }

  /** Make a handler of Fetch API requests: Next.js, Hono, Deno, Bun, Cloudflare Workers. */
  forFetch(handler: Handler<S>): (request: Request) => Promise<Response> {
    return async (request) => {
      try {
        await this.handle(new Uint8Array(await request.arrayBuffer()), request.headers, handler);
        return new Response(null, { status: 204 });
      } catch (error) {
        if (!(error instanceof NotGenuine)) throw error;
        return Response.json({ code: error.code, message: error.message }, { status: 401 });
      }
    };
  }

  /** Make a listener of Node's `http`, or a route of Express; put the route before any middleware that parses bodies. */
  forNode(handler: Handler<S>): (request: NodeRequest, answer: NodeAnswer, next?: (error: unknown) => void) => Promise<void> {
    return async (request, answer, next) => {
      try {
        await this.handle(await bodyOf(request), request.headers, handler);
        answer.writeHead(204).end();
      } catch (error) {
        if (error instanceof NotGenuine) {
          const text = JSON.stringify({ code: error.code, message: error.message });
          answer.writeHead(401, { "Content-Type": "application/json" }).end(text);
        } else if (next) {
          next(error);
        } else {
          console.error(error);
          answer.writeHead(500).end();
        }
      }
    };
  }
}

/**
 * Check that *body*, the raw body of a request, was recently sent by the hub; then read it.
 *
 * Throws `NotGenuine` if the signature does not match, is missing, or is more than five minutes old or ahead.
 */
export async function verifyWebhook<S extends Shapes = AnyShapes>(
  body: Uint8Array | string,
  headers: HeadersLike,
  secret: Secret,
): Promise<EventOf<S>> {
  const given = new Map<string, string>();
  for (const [name, value] of Symbol.iterator in headers ? (headers as Headers) : Object.entries(headers)) {
    if (value !== undefined) given.set(name.toLowerCase(), String(value));
  }
  const header = (name: string): string => {
    const value = given.get(name);
    if (!value) throw new NotGenuine("missing", `the header ${name} is missing`);
    return value;
  };
  const [id, timestamp, signature] = [header("webhook-id"), header("webhook-timestamp"), header("webhook-signature")];
  if (!/^\d{1,19}$/.test(timestamp)) throw new NotGenuine("malformed", "webhook-timestamp is not a number of seconds");
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new NotGenuine("expired", "webhook-timestamp is more than five minutes old or ahead");
  }
  const signatures = signature.split(" ").map((one): [string, string] => {
    const comma = one.indexOf(",");
    return [one.slice(0, Math.max(comma, 0)), one.slice(comma + 1)];
  });
  if (!signatures.some(([version, text]) => version && text)) {
    throw new NotGenuine("malformed", "webhook-signature is not a version, a comma and a signature");
  }
  const content = signed(id, timestamp, body);
  const fit = (keys: readonly string[]) => fits(content, signatures, keys);
  const isGenuine = isSource(secret)
    ? (await fit(await secret.keys())) || (await fit(await secret.keys(true)))
    : await fit(typeof secret === "string" ? [secret] : secret);
  if (!isGenuine) throw new NotGenuine("mismatch", "no key that you have made this signature");
  try {
    const text = typeof body === "string" ? body : new TextDecoder("utf-8", { fatal: true }).decode(body);
    const event = readEvent(JSON.parse(text));
    const cursor = given.get("trunkline-cursor");
    return cursor === undefined ? event : { ...event, cursor };
  } catch {
    throw new NotGenuine("malformed", "the body is not an event");
  }
}

/** Make the headers with which the hub would send *body*, signed with a `whsec_…` secret: for tests. */
export async function sign(
  body: Uint8Array | string,
  { id, secret, timestamp = Math.floor(Date.now() / 1000) }: { id: string; secret: string; timestamp?: number },
): Promise<Record<string, string>> {
  const key = await hmacKey(secret);
  const mac = new Uint8Array(await crypto.subtle.sign("HMAC", key, signed(id, String(timestamp), body)));
  return {
    "webhook-id": id,
    "webhook-timestamp": String(timestamp),
    "webhook-signature": `v1,${btoa(String.fromCharCode(...mac))}`,
  };
}

/**
 * The keys of a company's `/.well-known/jwks.json`, kept for an hour.
 *
 * A signature by an unknown key makes it read the keys again, every 30 seconds at most, so a rotated key is known at once. If
 * the hub is away, the previous keys stay in use.
 */
export class Jwks implements Keys {
  readonly #url: string;
  readonly #timeoutSeconds: number;
  #keys: readonly string[] | undefined;
  #readAt = -Infinity;
  #triedAt = -Infinity;
  #reading: Promise<void> | undefined;

  constructor(url: string, { timeoutSeconds = 5 } = {}) {
    this.#url = url;
    this.#timeoutSeconds = timeoutSeconds;
  }

  async keys(again = false): Promise<readonly string[]> {
    const now = performance.now() / 1000;
    const mayTry = now - this.#triedAt > JWKS_AGAIN_SECONDS || !this.#keys;
    if ((again || now - this.#readAt > JWKS_LAST_SECONDS) && mayTry) {
      this.#triedAt = now;
      this.#reading ??= this.#read(now).finally(() => (this.#reading = undefined));
    }
    try {
      await this.#reading;
    } catch (error) {
      if (!this.#keys) throw error;
    }
    return this.#keys ?? [];
  }

  async #read(now: number): Promise<void> {
    const answer = await fetch(this.#url, { signal: AbortSignal.timeout(this.#timeoutSeconds * 1000) });
    if (!answer.ok) throw new Error(`${this.#url} answered ${answer.status}`);
    const { keys }: { keys: { crv?: string; x: string }[] } = await answer.json();
    this.#keys = keys
      .filter((key) => key.crv === "Ed25519")
      .map(({ x }) => `whpk_${x.replaceAll("-", "+").replaceAll("_", "/")}${"=".repeat(-x.length & 3)}`);
    this.#readAt = now;
  }
}

function isSource(secret: Secret): secret is Keys {
  return typeof secret === "object" && !Array.isArray(secret);
}

type Bytes = Uint8Array<ArrayBuffer>;

function signed(id: string, timestamp: string, body: Uint8Array | string): Bytes {
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const tail = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

/** Tell whether one of *keys* made one of *signatures*. Throws `TypeError` for a malformed key. */
async function fits(content: Bytes, signatures: readonly [string, string][], keys: readonly string[]): Promise<boolean> {
  for (const one of keys) {
    const isPublic = one.startsWith("whpk_");
    const key = isPublic
      ? await crypto.subtle.importKey("raw", keyBytes(one), "Ed25519", false, ["verify"])
      : await hmacKey(one);
    for (const [version, text] of signatures) {
      const signature = version === (isPublic ? "v1a" : "v1") ? bytesOf(text) : undefined;
      if (signature && (await crypto.subtle.verify(key.algorithm.name, key, signature, content))) return true;
    }
  }
  return false;
}

function hmacKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", keyBytes(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
}

function keyBytes(key: string): Bytes {
  const bytes = bytesOf(key.replace(/^(whsec_|whpk_)/, ""));
  if (!bytes?.length) throw new TypeError("a secret is 'whsec_' or 'whpk_' and base64, which this one is not");
  return bytes;
}

function bytesOf(base64: string): Bytes | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

async function bodyOf(request: NodeRequest): Promise<Uint8Array> {
  for (const read of [request.rawBody, request.body]) if (read instanceof Uint8Array) return read;
  if (request.readableDidRead) {
    throw new Error("the body was parsed before, so its signature cannot be verified: put this route before express.json()");
  }
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of request) {
    parts.push(part);
    size += part.length;
    if (size > MAX_BODY_BYTES) throw new NotGenuine("malformed", `the body has more than ${MAX_BODY_BYTES} bytes`);
  }
  const whole = new Uint8Array(size);
  size = 0;
  for (const part of parts) {
    whole.set(part, size);
    size += part.length;
  }
  return whole;
}
