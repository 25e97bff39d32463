/** The errors of the client. A `HubError` is `Refused` (do not repeat the call) or `Unanswered` (repeat it later). */

export interface Fault {
  /** A JSON pointer to the member at fault; empty for the whole. */
  path: string;
  message: string;
}

export interface Problem {
  type?: string;
  errors?: readonly Fault[];
  requestId?: string | undefined;
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** A call failed. `message` is the hub's sentence with the members at fault; `status` is 0 if there was no answer. */
export class HubError extends Error {
  override name = "HubError";
  readonly status: number;
  readonly detail: string;
  /** The problem's type, `urn:trunkline:problem:…`, if it has one. */
  readonly type: string;
  readonly errors: readonly Fault[];
  readonly requestId: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, detail: string, problem: Problem = {}) {
    const errors = problem.errors ?? [];
    const faults = errors.map((one) => `\n  ${one.path || "the whole"} ${one.message}`).join("");
    super(detail + faults, { cause: problem.cause });
    this.status = status;
    this.detail = detail;
    this.type = problem.type ?? "about:blank";
    this.errors = errors;
    this.requestId = problem.requestId;
    this.retryAfterSeconds = problem.retryAfterSeconds;
  }
}

/** The hub refused the call. Do not send it again: the answer will be the same. */
export class Refused extends HubError {
  override name = "Refused";
}

/**
 * No answer of the hub, or an answer that says "not now". Send the call again later, with the same idempotency key.
 *
 * An answer of a proxy in between counts as none: a 404 or 403 that is not a problem document says nothing about the call.
 */
export class Unanswered extends HubError {
  override name = "Unanswered";
}

/** The hub keeps the event in quarantine, as its payload breaks its schema. An operator can release it. */
export class EventQuarantined extends Refused {
  override name = "EventQuarantined";
  readonly quarantineId: string;

  constructor(quarantineId: string, errors: readonly Fault[]) {
    super(202, `the event breaks its schema and waits as ${quarantineId}`, { errors });
    this.quarantineId = quarantineId;
  }
}

/** A request is not a webhook that the hub has signed, or it is more than five minutes old or ahead. */
export class NotGenuine extends Error {
  override name = "NotGenuine";
  /** `missing`: a header is missing. `malformed`: a header or the body cannot be read. `mismatch`: no key made this signature. */
  readonly code: "missing" | "malformed" | "expired" | "mismatch";

  constructor(code: NotGenuine["code"], detail: string) {
    super(detail);
    this.code = code;
  }
}
