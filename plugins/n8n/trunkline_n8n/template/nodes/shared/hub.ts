import {
	NodeApiError,
	type IDataObject,
	type IHookFunctions,
	type IHttpRequestMethods,
	type ILoadOptionsFunctions,
	type IN8nHttpFullResponse,
	type INode,
	type IPollFunctions,
	type JsonObject,
} from 'n8n-workflow';
import { VERSIONS } from './eventTypes';

interface Call {
	qs?: IDataObject;
	body?: IDataObject;
	/** A status of 4xx that is no error here: the answer is then undefined. */
	tolerated?: number;
}

/** Call the API below /api/v1 and give the JSON of its answer. */
export async function callHub<Answer>(
	context: IHookFunctions | ILoadOptionsFunctions | IPollFunctions,
	method: IHttpRequestMethods,
	path: string,
	{ qs, body, tolerated }: Call = {},
): Promise<Answer> {
	const { baseUrl } = await context.getCredentials<{ baseUrl: string }>('__name__Api');
	const response: IN8nHttpFullResponse = await context.helpers.httpRequestWithAuthentication.call(
		context,
		'__name__Api',
		{
			method,
			headers: { 'Trunkline-Versions': VERSIONS },
			url: `${baseUrl.replace(/\/+$/, '')}/api/v1${path}`,
			qs,
			body,
			json: true,
			returnFullResponse: true,
			ignoreHttpStatusErrors: true,
		},
	);
	if (response.statusCode === tolerated) return undefined as Answer;
	if (response.statusCode >= 400) throw toApiError(context.getNode(), response);
	return response.body as Answer;
}

interface Problem {
	detail?: string;
	errors?: Array<{ path: string; message: string }>;
}

/** Make an error of a problem document (RFC 9457): its sentence, and below it each field at fault. */
export function toApiError(node: INode, response: IN8nHttpFullResponse): NodeApiError {
	const { statusCode, headers } = response;
	const problem: Problem = isProblem(response.body) ? response.body : {};
	const faults = (problem.errors ?? []).map(({ path, message }) => `${path.slice(1)} ${message}`);
	const retryAfter = headers['retry-after'];
	if (retryAfter) faults.push(`Try again in ${String(retryAfter)} seconds`);
	return new NodeApiError(node, problem as JsonObject, {
		message: problem.detail ?? `The answer was HTTP ${statusCode}, with no reason given`,
		description: faults.join('. '),
		httpCode: String(statusCode),
	});
}

function isProblem(body: unknown): body is Problem {
	return typeof body === 'object' && body !== null && 'detail' in body;
}
