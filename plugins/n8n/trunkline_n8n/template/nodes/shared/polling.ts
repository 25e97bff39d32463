import type { IDataObject, IPollFunctions } from 'n8n-workflow';
import { chosenEventTypes } from './events';
import { ALL_EVENTS } from './eventTypes';
import { filterOf } from './filtering';
import { answerOfHub, callHub } from './hub';

const PAGE_SIZE = 200;
const MAX_PAGES = 10;
const YET_TO_COME = '9999-12-31T00:00:00Z';

interface Page {
	events: IDataObject[];
	next_cursor: string;
}

/**
 * Read what has happened since the last look, oldest first.
 *
 * The first look only remembers the place. A place so old that its events were removed goes on at the oldest event
 * there is.
 */
export async function pollEvents(context: IPollFunctions): Promise<IDataObject[]> {
	const place = context.getWorkflowStaticData('node') as { cursor?: string };
	const eventTypes = chosenEventTypes(context);
	const types = eventTypes.filter((name) => name !== ALL_EVENTS);
	const chosen: IDataObject = types.length > 0 ? { types: types.join(',') } : {};
	if (place.cursor === undefined) {
		const qs = { ...chosen, since: YET_TO_COME, limit: 1 };
		place.cursor = (await callHub<Page>(context, 'GET', '/events', { qs })).next_cursor;
		return [];
	}
	const filter = filterOf(context, eventTypes);
	if (filter !== null) chosen.filter = JSON.stringify(filter);
	const found: IDataObject[] = [];
	let cursor = place.cursor;
	for (let pages = 0; pages < MAX_PAGES; pages++) {
		const qs = { ...chosen, cursor, limit: PAGE_SIZE };
		const answer = await answerOfHub(context, 'GET', '/events', { qs, tolerated: 410 });
		const page = answer?.body as Page | undefined;
		cursor = page?.next_cursor ?? '';
		found.push(...(page?.events ?? []));
		if (answer && !answer.headers['x-paging-cursor']) break; // nothing more is waiting
	}
	place.cursor = cursor; // only now: a page that fails must not lose those before it
	return found;
}

/** Read one event of each chosen type, the newest that meets the filters or an example, to build the workflow with. */
export async function sampleEvents(context: IPollFunctions): Promise<IDataObject[]> {
	const samples: IDataObject[] = [];
	for (const type of chosenEventTypes(context)) {
		const filter = filterOf(context, [type]);
		const qs = {
			...(type === ALL_EVENTS ? { limit: 10 } : { type, limit: 1 }),
			...(filter === null ? {} : { filter: JSON.stringify(filter) }),
		};
		samples.push(...(await callHub<IDataObject[]>(context, 'GET', '/events/sample', { qs })));
	}
	return samples;
}
