import type {
	IDataObject,
	IExecuteSingleFunctions,
	IHttpRequestOptions,
	IN8nHttpFullResponse,
	INodeExecutionData,
} from 'n8n-workflow';
import { toApiError } from './hub';

/** Numbers may come as text, from a list or an expression; what is none goes out as it is, and the answer says so. */
export const asNumber =
	'={{ $value === "" || Number.isNaN(Number($value)) ? $value : Number($value) }}';

/** Moments go out in UTC, whatever time zone they were given in. */
export const asMoment = '={{ $value && DateTime.fromISO(String($value)).toUTC().toISO() }}';

/** Days go out without a time. */
export const asDay = '={{ $value && DateTime.fromISO(String($value)).toISODate() }}';

/** Objects and lists are written as JSON, or come from an expression. */
export const asJson = '={{ typeof $value === "string" && $value ? JSON.parse($value) : $value }}';

/** Leave out of a request what was not filled in. Null stays: it clears a field. */
export async function leaveOutEmpty(
	this: IExecuteSingleFunctions,
	request: IHttpRequestOptions,
): Promise<IHttpRequestOptions> {
	return {
		...request,
		qs: withoutEmpty(request.qs),
		body: withoutEmpty(request.body as IDataObject | undefined),
	};
}

/** Turn an answer of 4xx or 5xx into an error with the answer's own sentence. */
export async function raiseProblem(
	this: IExecuteSingleFunctions,
	items: INodeExecutionData[],
	response: IN8nHttpFullResponse,
): Promise<INodeExecutionData[]> {
	if (response.statusCode >= 400) throw toApiError(this.getNode(), response);
	return items;
}

function withoutEmpty(fields: IDataObject = {}): IDataObject {
	return Object.fromEntries(
		Object.entries(fields).filter(([, value]) => value !== '' && value !== undefined),
	);
}
