import type { INodeProperties } from 'n8n-workflow';
import type { Operation } from '../../../shared/operations';

const showOnlyForFindOrder = {
	resource: ['order'],
	operation: ['findOrder'],
};

export const formOfFindOrder: INodeProperties[] = [
	{
		displayName: 'Note',
		name: 'note',
		type: 'string',
		default: '',
		displayOptions: { show: showOnlyForFindOrder },
		description: "The order's note",
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
	},
];

export const callOfFindOrder: Operation = {
	method: 'GET',
	path: '/orders/search',
	items: 'results',
	fields: [
		{
			name: 'note',
			parameter: 'note',
			title: 'Note',
			kind: 'text',
			place: 'query',
		},
		{
			name: 'shop_id',
			parameter: 'shopId',
			title: 'Shop',
			kind: 'number',
			place: 'query',
			listed: true,
		},
	],
};
