import {
	NodeConnectionTypes,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
	type IPollFunctions,
} from 'n8n-workflow';
import { eventTypesProperty } from '../shared/events';
import { filterProperties } from '../shared/filters';
import { pollEvents, sampleEvents } from '../shared/polling';

export class __Name__PollingTrigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: '__title__ Polling Trigger',
		name: '__name__PollingTrigger',
		icon: {
			light: 'file:../../icons/__slug__.svg',
			dark: 'file:../../icons/__slug__.dark.svg',
		},
		group: ['trigger'],
		version: 1,
		subtitle: '={{$parameter["eventTypes"].join(", ")}}',
		description: 'Starts the workflow with what has happened in __title__ since the last look. For an n8n that cannot be reached from the internet.',
		defaults: { name: '__title__ Polling Trigger' },
		polling: true,
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: '__name__Api', required: true }],
		properties: [eventTypesProperty, ...filterProperties],
	};

	async poll(this: IPollFunctions): Promise<INodeExecutionData[][] | null> {
		const events = await (this.getMode() === 'manual' ? sampleEvents(this) : pollEvents(this));
		return events.length > 0 ? [this.helpers.returnJsonArray(events)] : null;
	}
}
