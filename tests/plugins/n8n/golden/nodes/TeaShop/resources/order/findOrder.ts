import type { INodeProperties } from 'n8n-workflow';
import { asNumber } from '../../../shared/operations';

const showOnlyForFindOrder = {
	resource: ['order'],
	operation: ['findOrder'],
};

export const findOrderProperties: INodeProperties[] = [
	{
		displayName: 'Note',
		name: 'note',
		type: 'string',
		default: '',
		displayOptions: { show: showOnlyForFindOrder },
		description: "The order's note",
		routing: {
			send: {
				type: 'query',
				property: 'note',
			},
		},
	},
	{
		displayName: 'Shop',
		name: 'shopId',
		type: 'resourceLocator',
		default: {
			mode: 'list',
			value: '',
		},
		modes: [
			{
				displayName: 'From List',
				name: 'list',
				type: 'list',
				placeholder: 'Select Shop...',
				typeOptions: {
					searchListMethod: 'searchOpenShops',
					searchable: true,
				},
			},
			{
				displayName: 'By Shop ID',
				name: 'id',
				type: 'string',
			},
		],
		displayOptions: { show: showOnlyForFindOrder },
		description: "The order's shop",
		routing: {
			send: {
				type: 'query',
				property: 'shop_id',
				value: asNumber,
			},
		},
	},
];
