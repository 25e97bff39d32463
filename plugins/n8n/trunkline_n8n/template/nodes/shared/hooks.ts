import {
	tryToParseDateTime,
	type IDataObject,
	type IHookFunctions,
	type IWebhookFunctions,
} from 'n8n-workflow';
import { conditions } from './filters';
import { callHub } from './hub';

export interface Hook {
	id: string;
	event_types: string[];
	filter: IDataObject | null;
	status: 'active' | 'paused' | 'disabled';
	secret?: string;
}

/** What a trigger keeps of its hook in the workflow's static data, which outlives a restart. */
interface Remembered {
	hookId?: string;
	secret?: string;
}

export function remembered(context: IHookFunctions | IWebhookFunctions): Remembered {
	return context.getWorkflowStaticData('node') as Remembered;
}

export function rememberHook(context: IHookFunctions, hook: Hook) {
	Object.assign(remembered(context), { hookId: hook.id, secret: hook.secret });
}

export function forgetHook(context: IHookFunctions) {
	const data = remembered(context);
	delete data.hookId;
	delete data.secret;
}

/** Find the hooks that push to this node. */
export async function findHooks(context: IHookFunctions): Promise<Hook[]> {
	const { hooks } = await callHub<{ hooks: Hook[] }>(context, 'GET', '/n8n/hooks', {
		qs: { target_url: context.getNodeWebhookUrl('default') },
	});
	return hooks;
}

/**
 * Make the hook's filter of what is filled in. Where several kinds of events are chosen, one that has no such field is let
 * through.
 */
export function filterOf(context: IHookFunctions, eventTypes: string[]): IDataObject | null {
	const filled = context.getNodeParameter('filters', {}) as IDataObject;
	const clauses = Object.entries(conditions)
		.map(([name, { kind, operator, path }]) => ({
			path,
			comparison: { [operator]: sent(context, filled[name], kind) },
			isEmpty:
				['', undefined, null].includes(filled[name] as string) || String(filled[name]) === '',
		}))
		.filter(({ isEmpty }) => !isEmpty)
		.map(({ path, comparison }) =>
			eventTypes.length === 1 && eventTypes[0] !== '*'
				? { [path]: comparison }
				: { any: [{ [path]: comparison }, { [path]: { exists: false } }] },
		);
	return clauses.length > 0 ? { all: clauses } : null;
}

function sent(context: IHookFunctions, value: unknown, kind?: string): unknown {
	if (kind !== 'day' && kind !== 'moment') return value;
	try {
		const time = tryToParseDateTime(value, context.getTimezone());
		return kind === 'day' ? time.toISODate() : time.toUTC().toISO();
	} catch {
		return value;
	}
}

/** Tell whether a hook pushes exactly these events. One that was disabled does not. */
export function isWanted(hook: Hook, eventTypes: string[], filter: IDataObject | null): boolean {
	return (
		JSON.stringify(hook.filter) === JSON.stringify(filter) &&
		(hook.status === 'active' || hook.status === 'paused') &&
		hook.event_types.length === new Set(eventTypes).size &&
		hook.event_types.every((name) => eventTypes.includes(name))
	);
}
