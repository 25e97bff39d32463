/** A light client of a trunkline hub. */

export { Client } from "./client.js";
export type { ConsumeOptions, EmitOptions, FollowOptions, VerifyOptions } from "./client.js";
export type { Completeness, Kept } from "./completeness.js";
export { EventQuarantined, HubError, NotGenuine, Refused, Unanswered } from "./errors.js";
export type { Fault } from "./errors.js";
export type { AnyShapes, EventOf, HubEvent, Place, Places, Shapes } from "./events.js";
export type * as api from "./operations.js";
export { forwardEvents } from "./mcp.js";
export type { ForwardOptions, Handle } from "./mcp.js";
export { MemorySeen } from "./seen.js";
export type { Seen } from "./seen.js";
export type { ClientOptions } from "./transport.js";
export { Jwks, Receiver, sign, verifyWebhook } from "./webhooks.js";
export type { HeadersLike, Keys, NodeAnswer, NodeRequest, Secret } from "./webhooks.js";
