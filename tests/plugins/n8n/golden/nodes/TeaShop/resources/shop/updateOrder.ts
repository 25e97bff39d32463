import type { INodeProperties } from 'n8n-workflow';
import { asDay, asJson, asMoment, asNumber } from '../../../shared/operations';

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
		routing: {
			send: {
				type: 'body',
				property: 'resource',
			},
		},
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
		routing: {
			send: {
				type: 'body',
				property: 'speed',
			},
		},
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
				type: 'json',
				default: '{}',
				description: "The order's address",
				routing: {
					send: {
						type: 'body',
						property: 'address',
						value: asJson,
					},
				},
			},
			{
				displayName: 'Due <Date>',
				name: 'due',
				type: 'dateTime',
				default: '',
				description: "The order's due &lt;date&gt;",
				routing: {
					send: {
						type: 'body',
						property: 'due',
						value: asMoment,
					},
				},
			},
			{
				displayName: 'Email',
				name: 'email',
				type: 'string',
				placeholder: 'name@email.com',
				default: '',
				description: "The order's email",
				routing: {
					send: {
						type: 'body',
						property: 'email',
					},
				},
			},
			{
				displayName: 'Gift',
				name: 'isGift',
				type: 'boolean',
				default: true,
				description: "Whether this holds: The order's gift",
				routing: {
					send: {
						type: 'body',
						property: 'is_gift',
					},
				},
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
				routing: {
					send: {
						type: 'body',
						property: 'note',
					},
				},
			},
			{
				displayName: 'Packed',
				name: 'packed',
				type: 'dateTime',
				default: '',
				description: "The order's packed",
				routing: {
					send: {
						type: 'body',
						property: 'packed',
						value: asDay,
					},
				},
			},
			{
				displayName: 'Tags',
				name: 'tags',
				type: 'json',
				default: '[]',
				description: "The order's tags",
				routing: {
					send: {
						type: 'body',
						property: 'tags',
						value: asJson,
					},
				},
			},
			{
				displayName: 'Tea Label',
				name: 'teaLabel',
				type: 'string',
				default: '',
				description: "The order's tea label",
				routing: {
					send: {
						type: 'body',
						property: 'tea_label',
					},
				},
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
				routing: {
					send: {
						type: 'body',
						property: 'tea',
					},
				},
			},
			{
				displayName: 'Teas',
				name: 'teas',
				type: 'json',
				default: '[]',
				description: "The order's teas",
				routing: {
					send: {
						type: 'body',
						property: 'teas',
						value: asJson,
					},
				},
			},
			{
				displayName: 'Weight',
				name: 'weight',
				type: 'number',
				default: 1.5,
				description: "The order's weight",
				routing: {
					send: {
						type: 'body',
						property: 'weight',
						value: asNumber,
					},
				},
			},
		],
	},
];
