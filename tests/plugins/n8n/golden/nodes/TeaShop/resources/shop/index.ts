import type { INodeProperties } from 'n8n-workflow';
import type { Operation } from '../../../shared/operations';
import { updateOrder, updateOrderProperties } from './updateOrder';

export const shopProperties: INodeProperties[] = [
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
	...updateOrderProperties,
];

export const shopOperations: Record<string, Operation> = {
	updateOrder: updateOrder,
};
