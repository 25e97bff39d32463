import {
	NodeConnectionTypes,
	type IHookFunctions,
	type INodeType,
	type INodeTypeDescription,
	type IWebhookFunctions,
	type IWebhookResponseData,
} from 'n8n-workflow';
import { chosenEventTypes, eventTypesProperty } from '../shared/events';
import { filterOf } from '../shared/filtering';
import { filterProperties } from '../shared/filters';
import {
	findHooks,
	forgetHook,
	isWanted,
	rememberHook,
	remembered,
	type Hook,
} from '../shared/hooks';
import { callHub } from '../shared/hub';
import { isSigned } from '../shared/signature';

export class __Name__Trigger implements INodeType {
	description: INodeTypeDescription = {
		displayName: '__title__ Trigger',
		name: '__name__Trigger',
		icon: {
			light: 'file:../../icons/__slug__.svg',
			dark: 'file:../../icons/__slug__.dark.svg',
		},
		group: ['trigger'],
		version: 1,
		subtitle: '={{$parameter["eventTypes"].join(", ")}}',
		description: 'Starts the workflow as soon as something happens in __title__',
		defaults: { name: '__title__ Trigger' },
		inputs: [],
		outputs: [NodeConnectionTypes.Main],
		credentials: [{ name: '__name__Api', required: true }],
		webhooks: [
			{
				name: 'default',
				httpMethod: 'POST',
				responseMode: 'onReceived',
				path: 'webhook',
			},
		],
		properties: [eventTypesProperty, ...filterProperties],
	};

	webhookMethods = {
		default: {
			async checkExists(this: IHookFunctions): Promise<boolean> {
				const { hookId, secret } = remembered(this);
				const eventTypes = chosenEventTypes(this);
				const filter = filterOf(this, eventTypes);
				const hooks = await findHooks(this);
				return hooks.some(
					(hook) =>
						hook.id === hookId && secret !== undefined && isWanted(hook, eventTypes, filter),
				);
			},

			async create(this: IHookFunctions): Promise<boolean> {
				// Subscribing again gives the hook that is there, with its secret.
				const eventTypes = chosenEventTypes(this);
				const filter = filterOf(this, eventTypes);
				const hook = await callHub<Hook>(this, 'POST', '/n8n/hooks', {
					body: {
						target_url: this.getNodeWebhookUrl('default'),
						event_types: eventTypes,
						...(filter === null ? {} : { filter }),
					},
				});
				rememberHook(this, hook);
				// Whatever this node chose before its events were changed.
				for (const other of await findHooks(this)) {
					if (other.id !== hook.id) await callHub(this, 'DELETE', `/n8n/hooks/${other.id}`);
				}
				return true;
			},

			async delete(this: IHookFunctions): Promise<boolean> {
				const { hookId } = remembered(this);
				const hookIds = hookId ? [hookId] : (await findHooks(this)).map((hook) => hook.id);
				for (const id of hookIds) {
					await callHub(this, 'DELETE', `/n8n/hooks/${id}`, { tolerated: 404 });
				}
				forgetHook(this);
				return true;
			},
		},
	};

	async webhook(this: IWebhookFunctions): Promise<IWebhookResponseData> {
		const { rawBody } = this.getRequestObject();
		const { secret } = remembered(this);
		if (!secret || !isSigned(rawBody, this.getHeaderData(), secret)) {
			this.getResponseObject().status(401).send('The signature is missing, wrong or too old.');
			return { noWebhookResponse: true };
		}
		return { workflowData: [this.helpers.returnJsonArray(this.getBodyData())] };
	}
}
