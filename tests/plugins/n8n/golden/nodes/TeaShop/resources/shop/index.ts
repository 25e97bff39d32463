import type { INodeProperties } from 'n8n-workflow';
import type { Operation } from '../../../shared/operations';
import { callOfUpdateOrder, formOfUpdateOrder } from './updateOrder';

export const propertiesOfShop: INodeProperties[] = [
	{
		displayName: 'Operation',
		name: 'operation',
		type: 'options',
		noDataExpression: true,
		displayOptions: {
			show: {
				resource: ['shop'],
			},
		},
		options: [
			{
				name: 'Update Order',
				value: 'updateOrder',
				action: 'Update order',
				description: "Changes an order. What is empty stays, see 'ID'.",
			},
		],
		default: 'updateOrder',
	},
	...formOfUpdateOrder,
];

export const operationsOfShop: Record<string, Operation> = {
	updateOrder: callOfUpdateOrder,
};
