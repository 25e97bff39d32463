import type { INodePropertyOptions } from 'n8n-workflow';

export const ALL_EVENTS = '*';

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
