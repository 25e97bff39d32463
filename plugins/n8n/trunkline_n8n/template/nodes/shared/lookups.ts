import type {
	IDataObject,
	ILoadOptionsFunctions,
	INodeListSearchItems,
	INodeListSearchResult,
	INodePropertyOptions,
} from 'n8n-workflow';
import { callHub } from './hub';

/** A list to choose from: where it is, which of its items' fields is sent and which is shown. */
export interface Lookup {
	path: string;
	items: string;
	value: string;
	label: string;
	/** Only items with these values are offered. */
	where?: IDataObject;
	/** The answer is searched by *q*; else the search is done here. */
	searchable?: boolean;
	/** How many items a page may have; without it the answer is whole. */
	pageSize?: number;
}

interface Page {
	choices: Array<{ name: string; value: string | number }>;
	next?: string;
}

/** Make the method behind a list that is searched and scrolled. */
export function searchIn(lookup: Lookup) {
	return async function (
		this: ILoadOptionsFunctions,
		filter?: string,
		paginationToken?: string,
	): Promise<INodeListSearchResult> {
		const results: INodeListSearchItems[] = [];
		let next = paginationToken;
		do {
			const page = await readPage(this, lookup, filter, next);
			results.push(...page.choices);
			next = page.next;
		} while (results.length === 0 && next !== undefined); // a page may have nothing to offer
		return { results, paginationToken: next };
	};
}

/** Make the method behind a dropdown, which has to be whole. */
export function loadFrom(lookup: Lookup) {
	return async function (this: ILoadOptionsFunctions): Promise<INodePropertyOptions[]> {
		const options: INodePropertyOptions[] = [];
		let next: string | undefined;
		do {
			const page = await readPage(this, lookup, undefined, next);
			options.push(...page.choices);
			next = page.next;
		} while (next !== undefined);
		return options;
	};
}

async function readPage(
	context: ILoadOptionsFunctions,
	lookup: Lookup,
	filter?: string,
	cursor?: string,
): Promise<Page> {
	const qs: IDataObject = {};
	if (lookup.pageSize) qs.limit = lookup.pageSize;
	if (cursor) qs.cursor = cursor;
	if (filter && lookup.searchable) qs.q = filter;
	const answer = await callHub<IDataObject>(context, 'GET', `/integrations${lookup.path}`, { qs });
	const choices = (answer[lookup.items] as IDataObject[])
		.filter((item) =>
			Object.entries(lookup.where ?? {}).every(([field, value]) => item[field] === value),
		)
		.map((item) => ({
			name: String(item[lookup.label]),
			value: item[lookup.value] as string | number,
		}));
	const isMatch = (name: string) => name.toLowerCase().includes((filter ?? '').toLowerCase());
	return {
		choices: lookup.searchable ? choices : choices.filter(({ name }) => isMatch(name)),
		next: (answer.next_cursor as string | null) ?? undefined,
	};
}
