import type { INodeProperties } from 'n8n-workflow';
import type { Operation } from '../../shared/operations';
import { operationsOfOrder, propertiesOfOrder } from './order';
import { operationsOfShop, propertiesOfShop } from './shop';

export const resourceProperties: INodeProperties[] = [
	{
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
	},
	...propertiesOfOrder,
	...propertiesOfShop,
];

/** What each choice of a resource and an operation calls. */
export const operations: Record<string, Record<string, Operation>> = {
	order: operationsOfOrder,
	shop: operationsOfShop,
};
