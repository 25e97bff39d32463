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

type Context = IExecuteFunctions | IHookFunctions | ILoadOptionsFunctions | IPollFunctions;

/** Call the API below /api/v1 and give the JSON of its answer. */
export async function callHub<Answer>(
	context: Context,
	method: IHttpRequestMethods,
	path: string,
	call: Call = {},
): Promise<Answer> {
	return (await answerOfHub(context, method, path, call))?.body as Answer;
}

/** Call the API and give its whole answer, undefined where that has the tolerated status. */
export async function answerOfHub(
	context: Context,
	method: IHttpRequestMethods,
	path: string,
	{ qs, body, tolerated }: Call = {},
): Promise<IN8nHttpFullResponse | undefined> {
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
	if (response.statusCode === tolerated) return undefined;
	if (response.statusCode >= 400) throw toApiError(context.getNode(), response);
	return response;
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
