import type { INodePropertyOptions } from 'n8n-workflow';

export const ALL_EVENTS = '*';

/** What the fields were made of. An event type that has changed since is sent as it was. */
export const VERSIONS = '1';

export const eventTypes: INodePropertyOptions[] = [
	{
		name: 'All Events',
		value: ALL_EVENTS,
	},
	{
		name: 'Order Placed in a Shop',
		value: 'order.placed',
		description: 'Somebody placed an order',
	},
];
