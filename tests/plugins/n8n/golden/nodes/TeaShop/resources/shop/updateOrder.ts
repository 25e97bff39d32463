import type { INodeProperties } from 'n8n-workflow';
import type { Operation } from '../../../shared/operations';

const showOnlyForUpdateOrder = {
	resource: ['shop'],
	operation: ['updateOrder'],
};

export const updateOrderProperties: INodeProperties[] = [
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
					searchListMethod: 'searchOpenShopsWhereIsOpenTrue',
					searchable: true,
				},
			},
			{
				displayName: 'By Shop ID',
				name: 'id',
				type: 'string',
				placeholder: 'e.g. 3',
			},
		],
		required: true,
		displayOptions: { show: showOnlyForUpdateOrder },
		description: "The order's shop",
	},
	{
		displayName: 'Number',
		name: 'number',
		type: 'number',
		default: 0,
		required: true,
		displayOptions: { show: showOnlyForUpdateOrder },
		description: "The order's number",
	},
	{
		displayName: 'Resource',
		name: 'resourceField',
		type: 'string',
		default: '',
		required: true,
		displayOptions: { show: showOnlyForUpdateOrder },
		description: "The order's resource",
	},
	{
		displayName: 'Speed',
		name: 'speed',
		type: 'options',
		options: [
			{
				name: 'Slow',
				value: 'slow',
			},
			{
				name: 'Very Fast',
				value: 'very_fast',
			},
		],
		default: 'slow',
		required: true,
		displayOptions: { show: showOnlyForUpdateOrder },
		description: "The order's speed",
	},
	{
		displayName: 'Update Fields',
		name: 'updateFields',
		type: 'collection',
		placeholder: 'Add Field',
		default: {},
		displayOptions: { show: showOnlyForUpdateOrder },
		options: [
			{
				displayName: 'Address',
				name: 'address',
				type: 'fixedCollection',
				placeholder: 'Add Address',
				default: {},
				options: [
					{
						displayName: 'Address',
						name: 'values',
						values: [
							{
								displayName: 'City',
								name: 'city',
								type: 'string',
								default: '',
								description: "The order's city",
							},
						],
					},
				],
				description: "The order's address",
			},
			{
				displayName: 'Due <Date>',
				name: 'due',
				type: 'dateTime',
				default: '',
				description: "The order's due &lt;date&gt;",
			},
			{
				displayName: 'Email',
				name: 'email',
				type: 'string',
				placeholder: 'name@email.com',
				default: '',
				description: "The order's email",
			},
			{
				displayName: 'Gift',
				name: 'isGift',
				type: 'boolean',
				default: false,
				description: "Whether this holds: The order's gift",
			},
			{
				displayName: 'Note',
				name: 'note',
				type: 'string',
				typeOptions: {
					rows: 4,
				},
				default: '',
				description: "The order's note",
			},
			{
				displayName: 'Packed',
				name: 'packed',
				type: 'dateTime',
				default: '',
				description: "The order's packed",
			},
			{
				displayName: 'Tags',
				name: 'tags',
				type: 'string',
				typeOptions: {
					multipleValues: true,
					multipleValueButtonText: 'Add Tags',
				},
				default: [],
				description: "The order's tags",
			},
			{
				displayName: 'Tea Label',
				name: 'teaLabel',
				type: 'string',
				default: '',
				description: "The order's tea label",
			},
			{
				displayName: 'Tea Name or ID',
				name: 'tea',
				type: 'options',
				typeOptions: {
					loadOptionsMethod: 'getTeaTypes',
				},
				default: '',
				description:
					'The order\'s tea. Choose from the list, or specify an ID using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Teas Names or IDs',
				name: 'teas',
				type: 'multiOptions',
				typeOptions: {
					loadOptionsMethod: 'getTeaTypes',
				},
				default: [],
				description:
					'The order\'s teas. Choose from the list, or specify IDs using an <a href="https://docs.n8n.io/code/expressions/">expression</a>.',
			},
			{
				displayName: 'Weight',
				name: 'weight',
				type: 'number',
				default: 0,
				description: "The order's weight",
			},
		],
	},
];

export const updateOrder: Operation = {
	method: 'PATCH',
	path: '/shops/{shop_id}/orders/{number}',
	fields: [
		{
			name: 'shop_id',
			parameter: 'shopId',
			title: 'Shop',
			kind: 'number',
			place: 'path',
			required: true,
			listed: true,
		},
		{
			name: 'number',
			parameter: 'number',
			title: 'Number',
			kind: 'number',
			place: 'path',
			required: true,
		},
		{
			name: 'resource',
			parameter: 'resourceField',
			title: 'Resource',
			kind: 'text',
			required: true,
		},
		{
			name: 'speed',
			parameter: 'speed',
			title: 'Speed',
			kind: 'text',
			required: true,
		},
		{
			name: 'note',
			parameter: 'note',
			title: 'Note',
			kind: 'text',
			collection: 'updateFields',
		},
		{
			name: 'email',
			parameter: 'email',
			title: 'Email',
			kind: 'text',
			collection: 'updateFields',
		},
		{
			name: 'is_gift',
			parameter: 'isGift',
			title: 'Gift',
			kind: 'boolean',
			collection: 'updateFields',
		},
		{
			name: 'weight',
			parameter: 'weight',
			title: 'Weight',
			kind: 'number',
			collection: 'updateFields',
		},
		{
			name: 'packed',
			parameter: 'packed',
			title: 'Packed',
			kind: 'day',
			collection: 'updateFields',
		},
		{
			name: 'due',
			parameter: 'due',
			title: 'Due <Date>',
			kind: 'moment',
			collection: 'updateFields',
		},
		{
			name: 'address',
			parameter: 'address',
			title: 'Address',
			kind: 'object',
			collection: 'updateFields',
			fields: [
				{
					name: 'city',
					parameter: 'city',
					title: 'City',
					kind: 'text',
				},
			],
		},
		{
			name: 'tags',
			parameter: 'tags',
			title: 'Tags',
			kind: 'list',
			collection: 'updateFields',
			entries: 'text',
		},
		{
			name: 'teas',
			parameter: 'teas',
			title: 'Teas',
			kind: 'list',
			collection: 'updateFields',
			listed: true,
			entries: 'text',
		},
		{
			name: 'tea',
			parameter: 'tea',
			title: 'Tea',
			kind: 'text',
			collection: 'updateFields',
			listed: true,
		},
		{
			name: 'tea_label',
			parameter: 'teaLabel',
			title: 'Tea Label',
			kind: 'text',
			collection: 'updateFields',
			yieldsTo: 'tea',
		},
	],
};
