// Checks a webhook and reads its event, or throws. `body` is the raw body, a Buffer; header names are in lower case,
// as Node.js gives them. No packages.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_SECONDS = 300;

export function verify(secret, headers, body) {
  const timestamp = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_SECONDS)) {
    throw new Error("too old, or the clocks differ");
  }
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = createHmac("sha256", key)
    .update(`${headers["webhook-id"]}.${timestamp}.`)
    .update(body)
    .digest();
  const isGenuine = (headers["webhook-signature"] ?? "").split(" ").some((signature) => {
    const [version, given] = signature.split(",");
    const bytes = Buffer.from(given ?? "", "base64");
    return version === "v1" && bytes.length === expected.length && timingSafeEqual(bytes, expected);
  });
  if (!isGenuine) throw new Error("not signed with our secret");
  return JSON.parse(body.toString("utf8"));
}
