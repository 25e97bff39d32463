/** Makes calls: sends them, reads the answers, and repeats calls that may safely be repeated. */

import { Refused, Unanswered } from "./errors.js";

const TRIES = 4;
const LONGEST_WAIT_SECONDS = 30;
const LONGEST_RETRY_AFTER_SECONDS = 24 * 3600;

export type Query = Readonly<Record<string, unknown>>;

/** One request. `isIdempotent`: repeating it has no further effect, as with an idempotency key, GET, PUT or DELETE. */
export interface Call {
  method: string;
  path: string;
  query?: Query | undefined;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
  isIdempotent?: boolean;
  /** The maximum number of tries; 4 by default. */
  tries?: number | undefined;
  signal?: AbortSignal | undefined;
}

export interface ClientOptions {
  /** The time limit of an answer, besides the time for which the hub was asked to wait; 15 s by default. */
  timeoutSeconds?: number;
  /** With an operator's key: the company of the calls, an id or a reference. */
  company?: number | string;
  environment?: "live" | "test";
  /** A `fetch` of your own: to trace calls, or to go through a proxy. */
  fetch?: (url: string, request: RequestInit) => Promise<Response>;
}

export class Transport {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #timeoutSeconds: number;
  readonly #fetch: NonNullable<ClientOptions["fetch"]>;

  constructor(url: string, key: string, options: ClientOptions) {
    // `fetch` would name the whole key in its error
    if (!/^[\x21-\x7e]+$/.test(key)) throw new TypeError("key has a space, a line end, or a character outside of ASCII");
    this.#url = url.replace(/\/+$/, "");
    this.#headers = {
      Authorization: `Bearer ${key}`,
      ...(options.company === undefined ? {} : { "X-Company-Id": String(options.company) }),
      ...(options.environment === undefined ? {} : { "X-Environment": options.environment }),
    };
    this.#timeoutSeconds = options.timeoutSeconds ?? 15;
    this.#fetch = options.fetch ?? ((url, request) => globalThis.fetch(url, request));
  }

  /** Make *call* until it is answered, and give the answer's content. Throws `Refused` or `Unanswered`. */
  async request(call: Call): Promise<any> {
    const isIdempotent =
      call.isIdempotent || call.headers?.["Idempotency-Key"] !== undefined || /^(GET|PUT|DELETE)$/.test(call.method);
    for (let failed = 0; ; ) {
      try {
        return await this.#send(call);
      } catch (error) {
        if (error instanceof Unanswered) {
          failed += 1;
          if (failed === (call.tries ?? TRIES) || !(isIdempotent || error.status === 429)) throw error;
          const wait = Math.min(0.5 * 2 ** (failed - 1), LONGEST_WAIT_SECONDS);
          await pause(Math.max(wait, error.retryAfterSeconds ?? 0), call.signal);
        } else if (failed && call.method === "DELETE" && error instanceof Refused && error.status === 404) {
          return undefined; // an earlier try has deleted it
        } else {
          throw error;
        }
      }
    }
  }

  async #send(call: Call): Promise<any> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
    }
    const seconds = this.#timeoutSeconds + Number(query.get("wait") ?? 0);
    const timeout = AbortSignal.timeout(seconds * 1000);
    let answer: Response;
    let text: string;
    try {
      answer = await this.#fetch(`${this.#url}${call.path}?${query}`.replace(/\?$/, ""), {
        method: call.method,
        redirect: "manual",
        signal: call.signal ? AbortSignal.any([call.signal, timeout]) : timeout,
        headers: {
          ...this.#headers,
          ...(call.body === undefined ? {} : { "Content-Type": "application/json" }),
          ...call.headers,
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      text = await answer.text();
    } catch (error) {
      call.signal?.throwIfAborted();
      throw new Unanswered(0, `the hub cannot be reached: ${reason(error)}`, { cause: error });
    }
    return read(answer.status, answer.headers, text);
  }
}

/** Read an answer. Throws `HubError` if it is not a success. */
export function read(status: number, headers: Headers, text: string): any {
  const kind = headers.get("content-type") ?? "";
  let content: any = text || undefined;
  if (text && kind.includes("json")) {
    try {
      content = JSON.parse(text);
    } catch {
      throw new Unanswered(status, `the answer (${status}) cannot be read`);
    }
  }
  const isSuccess = status >= 200 && status <= 299;
  if (isSuccess && kind.includes("text/html")) throw new Unanswered(status, "a page answered, which is not the hub");
  if (isSuccess) return content;
  // RFC 9457 lets a proxy leave out `detail`
  const isHubs = kind.includes("application/problem+json") && typeof content?.detail === "string";
  const problem = isHubs ? content : { detail: `answered ${status}` };
  const isFinal = isHubs && status >= 400 && status <= 499 && ![408, 425, 429].includes(status);
  const wait = headers.get("retry-after") ?? "";
  throw new (isFinal ? Refused : Unanswered)(status, problem.detail, {
    type: problem.type ?? "about:blank",
    errors: Array.isArray(problem.errors) ? problem.errors.filter((one: any) => typeof one?.message === "string") : [],
    requestId: problem.request_id,
    retryAfterSeconds: /^\d+$/.test(wait) ? Math.min(Number(wait), LONGEST_RETRY_AFTER_SECONDS) : undefined,
  });
}

/** Wait; if *signal* ends the wait, throws its reason. */
function pause(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
