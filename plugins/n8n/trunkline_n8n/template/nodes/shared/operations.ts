import {
	NodeApiError,
	NodeOperationError,
	type IDataObject,
	type IExecuteFunctions,
	type IHttpRequestMethods,
	type INodeExecutionData,
	type JsonObject,
} from 'n8n-workflow';
import { callHub } from './hub';
import { readFields, type FieldRule } from './values';

/**
 * One call: *path* has its parameters in braces; *items* is where the answer has what was found. One with a *pageSize*
 * gives that page by page.
 */
export interface Operation {
	method: IHttpRequestMethods;
	path: string;
	items?: string;
	/** What a simplified record has. */
	mainFields?: string[];
	pageSize?: number;
	fields: FieldRule[];
}

/** Carry out what was chosen, once for each item. Every item that is given names the one that it comes from. */
export async function runOperations(
	context: IExecuteFunctions,
	operations: Record<string, Record<string, Operation>>,
): Promise<INodeExecutionData[]> {
	const results: INodeExecutionData[] = [];
	for (let index = 0; index < context.getInputData().length; index++) {
		const pairedItem = { item: index };
		try {
			const resource = context.getNodeParameter('resource', index) as string;
			const operation = context.getNodeParameter('operation', index) as string;
			const chosen = operations[resource][operation];
			const answers = await call(context, chosen, index);
			const isSimple = chosen.mainFields && context.getNodeParameter('simplify', index);
			const given = isSimple ? answers.map((one) => simplified(one, chosen.mainFields)) : answers;
			results.push(...given.map((json) => ({ json, pairedItem })));
		} catch (error) {
			if (!context.continueOnFail()) throw withItem(context, error, index);
			results.push({ json: { error: (error as Error).message }, error, pairedItem });
		}
	}
	return results;
}

function simplified(record: IDataObject, names: string[] = []): IDataObject {
	const there = names.filter((name) => name in record);
	return Object.fromEntries(there.map((name) => [name, record[name]])) as IDataObject;
}

async function call(
	context: IExecuteFunctions,
	{ method, path, items, pageSize, fields }: Operation,
	index: number,
): Promise<IDataObject[]> {
	const values = readFields(context, fields, index);
	const at = (place: string) =>
		fields.filter((field) => (field.place ?? 'body') === place && field.name in values);
	const filled = at('path').reduce(
		(url, { name }) => url.replace(`{${name}}`, encodeURIComponent(String(values[name]))),
		path,
	);
	const pick = (place: string): IDataObject =>
		Object.fromEntries(at(place).map(({ name }) => [name, values[name]])) as IDataObject;
	const send = async (page: IDataObject = {}) =>
		await callHub<IDataObject>(context, method, `/integrations${filled}`, {
			qs: { ...pick('query'), ...page },
			...(method === 'GET' || method === 'DELETE' ? {} : { body: pick('body') }),
		});
	if (method === 'DELETE') {
		await send();
		return [{ deleted: true }];
	}
	if (items === undefined) return [await send()];
	if (pageSize === undefined) return (await send())[items] as IDataObject[];
	const returnAll = context.getNodeParameter('returnAll', index) as boolean;
	const limit = returnAll ? Infinity : (context.getNodeParameter('limit', index) as number);
	return await allPages(send, items, { pageSize, limit });
}

async function allPages(
	send: (page: IDataObject) => Promise<IDataObject>,
	items: string,
	{ pageSize, limit }: { pageSize: number; limit: number },
): Promise<IDataObject[]> {
	const found: IDataObject[] = [];
	let cursor: unknown;
	do {
		const answer = await send({
			limit: Math.min(pageSize, limit - found.length),
			...(cursor ? { cursor: cursor as string } : {}),
		});
		found.push(...(answer[items] as IDataObject[]));
		cursor = answer.next_cursor;
	} while (cursor && found.length < limit);
	return found;
}

function withItem(context: IExecuteFunctions, error: unknown, itemIndex: number) {
	if (error instanceof NodeApiError || error instanceof NodeOperationError) {
		error.context.itemIndex = itemIndex;
		return error;
	}
	return new NodeApiError(context.getNode(), error as JsonObject, { itemIndex });
}
