import {
	tryToParseDateTime,
	type IDataObject,
	type IHookFunctions,
	type IPollFunctions,
} from 'n8n-workflow';
import { ALL_EVENTS } from './eventTypes';
import { conditions } from './filters';

/**
 * Make a filter of what is filled in and what an event of these types has. Where several types are chosen, one that has
 * no such field is let through.
 */
export function filterOf(
	context: IHookFunctions | IPollFunctions,
	eventTypes: string[],
): IDataObject | null {
	const filled = context.getNodeParameter('filters', {}) as IDataObject;
	const isAll = eventTypes.includes(ALL_EVENTS);
	const clauses = Object.entries(conditions)
		.filter(([, { types }]) => isAll || types.some((type) => eventTypes.includes(type)))
		.map(([name, { kind, operator, path }]) => ({
			path,
			comparison: { [operator]: sent(context, filled[name], kind) },
			isEmpty:
				['', undefined, null].includes(filled[name] as string) || String(filled[name]) === '',
		}))
		.filter(({ isEmpty }) => !isEmpty)
		.map(({ path, comparison }) =>
			eventTypes.length === 1 && !isAll
				? { [path]: comparison }
				: { any: [{ [path]: comparison }, { [path]: { exists: false } }] },
		);
	return clauses.length > 0 ? { all: clauses } : null;
}

function sent(context: IHookFunctions | IPollFunctions, value: unknown, kind?: string): unknown {
	if (kind !== 'day' && kind !== 'moment') return value;
	try {
		const time = tryToParseDateTime(value, context.getTimezone());
		return kind === 'day' ? time.toISODate() : time.toUTC().toISO();
	} catch {
		return value;
	}
}
