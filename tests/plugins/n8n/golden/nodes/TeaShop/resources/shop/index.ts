import type { INodeProperties } from 'n8n-workflow';
import { updateOrderProperties } from './updateOrder';

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
				name: 'Update Order of the URL',
				value: 'updateOrder',
				action: 'Update order of the URL',
				description: "Changes an order. What is empty stays, see 'ID'.",
				routing: {
					request: {
						method: 'PATCH',
						url: '=/shops/{{encodeURIComponent($parameter.shopId)}}/orders/{{encodeURIComponent($parameter.number)}}',
					},
				},
			},
		],
		default: 'updateOrder',
	},
	...updateOrderProperties,
];
