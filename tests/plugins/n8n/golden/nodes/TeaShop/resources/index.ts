import type { INodeProperties } from 'n8n-workflow';
import { orderProperties } from './order';
import { shopProperties } from './shop';

export const resource: INodeProperties = {
	displayName: 'Resource',
	name: 'resource',
	type: 'options',
	noDataExpression: true,
	options: [
		{
			name: 'Order',
			value: 'order',
		},
		{
			name: 'Shop',
			value: 'shop',
		},
	],
	default: 'order',
};

export const resourceProperties: INodeProperties[] = [...orderProperties, ...shopProperties];
