import {
	NodeConnectionTypes,
	type IExecuteFunctions,
	type INodeExecutionData,
	type INodeType,
	type INodeTypeDescription,
} from 'n8n-workflow';
import { runOperations } from '../shared/operations';
import { listSearch, loadOptions } from './lookups';
import { operations, resourceProperties } from './resources';

export class __Name__ implements INodeType {
	description: INodeTypeDescription = {
		displayName: '__title__',
		name: '__name__',
		icon: {
			light: 'file:../../icons/__slug__.svg',
			dark: 'file:../../icons/__slug__.dark.svg',
		},
		group: ['transform'],
		version: 1,
		subtitle: '={{$parameter["operation"] + ": " + $parameter["resource"]}}',
		description: '__description__',
		defaults: { name: '__title__' },
		usableAsTool: true,
		inputs: [NodeConnectionTypes.Main],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: '__name__Api', required: true }],
		properties: resourceProperties,
	};

	methods = { listSearch, loadOptions };

	async execute(this: IExecuteFunctions): Promise<INodeExecutionData[][]> {
		return [await runOperations(this, operations)];
	}
}
