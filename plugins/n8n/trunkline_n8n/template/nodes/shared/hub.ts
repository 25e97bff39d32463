import {
	NodeApiError,
	type IDataObject,
	type IExecuteFunctions,
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
	context: IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions | IPollFunctions,
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
	/** The same in the words of a form, where fields are at fault. */
	form_detail?: string;
}

const INVALID_KEY = 'The API key is not valid, or was revoked';

/** Make an error of a problem document (RFC 9457): its sentence, and below it what to do about it. */
export function toApiError(node: INode, response: IN8nHttpFullResponse): NodeApiError {
	const { statusCode, headers } = response;
	const problem: Problem = isProblem(response.body) ? response.body : {};
	const noReason = `The answer was HTTP ${statusCode}, with no reason given`;
	const sentence = problem.form_detail ?? problem.detail ?? noReason;
	return new NodeApiError(node, problem as JsonObject, {
		message: statusCode === 401 ? INVALID_KEY : sentence,
		description: adviceFor(statusCode, headers['retry-after']),
		httpCode: String(statusCode),
	});
}

function adviceFor(statusCode: number, retryAfter: unknown): string {
	if (statusCode === 401) return 'Make another key, and paste it into the credential';
	if (statusCode === 403) return 'Choose a credential whose key has this scope';
	return retryAfter ? `Try again in ${String(retryAfter)} seconds` : '';
}

function isProblem(body: unknown): body is Problem {
	return typeof body === 'object' && body !== null && 'detail' in body;
}
