import type { IDataObject, IHookFunctions, IWebhookFunctions } from 'n8n-workflow';
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

/** Tell whether a hook pushes exactly these events. One that was disabled does not. */
export function isWanted(hook: Hook, eventTypes: string[], filter: IDataObject | null): boolean {
	return (
		JSON.stringify(hook.filter) === JSON.stringify(filter) &&
		(hook.status === 'active' || hook.status === 'paused') &&
		hook.event_types.length === new Set(eventTypes).size &&
		hook.event_types.every((name) => eventTypes.includes(name))
	);
}
