import { NodeConnectionTypes, type INodeType, type INodeTypeDescription } from 'n8n-workflow';
import { leaveOutEmpty, raiseProblem } from '../shared/operations';
import { listSearch, loadOptions } from './lookups';
import { resource, resourceProperties } from './resources';

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
		requestDefaults: {
			baseURL: '={{$credentials.baseUrl.replace(/\\/+$/, "")}}/api/v1/integrations',
			headers: { Accept: 'application/json' },
			ignoreHttpStatusErrors: true, // raiseProblem shows the sentence of the answer instead
		},
		properties: [
			{
				...resource,
				routing: { send: { preSend: [leaveOutEmpty] }, output: { postReceive: [raiseProblem] } },
			},
			...resourceProperties,
		],
	};

	methods = { listSearch, loadOptions };
}
