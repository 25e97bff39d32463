import type { IHookFunctions, INodeProperties, IPollFunctions } from 'n8n-workflow';
import { ALL_EVENTS, eventTypes } from './eventTypes';

/** The field with which a trigger's events are chosen. */
export const eventTypesProperty: INodeProperties = {
	displayName: 'Events',
	name: 'eventTypes',
	type: 'multiOptions',
	required: true,
	default: [],
	description: 'What starts the workflow',
	options: eventTypes,
};

/** What was chosen; "all" stands for every other choice. */
export function chosenEventTypes(context: IHookFunctions | IPollFunctions): string[] {
	const chosen = context.getNodeParameter('eventTypes') as string[];
	return chosen.includes(ALL_EVENTS) ? [ALL_EVENTS] : chosen;
}
