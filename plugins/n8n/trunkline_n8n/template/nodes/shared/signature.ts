import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IDataObject } from 'n8n-workflow';

const TOLERANCE_SECONDS = 300;

/** Tell whether a push was signed with *secret* just now (https://www.standardwebhooks.com). */
export function isSigned(rawBody: Buffer, headers: IDataObject, secret: string): boolean {
	const timestamp = String(headers['webhook-timestamp']);
	const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp));
	if (!(ageSeconds <= TOLERANCE_SECONDS)) return false; // a timestamp that is no number, too

	const expected = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64'))
		.update(`${String(headers['webhook-id'])}.${timestamp}.`)
		.update(rawBody)
		.digest();
	// While a secret is being replaced there is one signature for each.
	return String(headers['webhook-signature'])
		.split(' ')
		.filter((one) => one.startsWith('v1,'))
		.map((one) => Buffer.from(one.slice('v1,'.length), 'base64'))
		.some((given) => given.length === expected.length && timingSafeEqual(given, expected));
}
