import type { Icon, ICredentialType, INodeProperties } from 'n8n-workflow';

export class __Name__OAuth2Api implements ICredentialType {
	name = '__name__OAuth2Api';

	extends = ['oAuth2Api'];

	displayName = '__title__ OAuth2 API';

	icon: Icon = {
		light: 'file:../icons/__slug__.svg',
		dark: 'file:../icons/__slug__.dark.svg',
	};

	documentationUrl = '__homepage__';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			required: true,
			default: '__api_url__',
			description: 'Where the API is, without /api/v1',
		},
		{
			displayName: 'Grant Type',
			name: 'grantType',
			type: 'hidden',
			default: 'pkce',
		},
		{
			displayName: 'Authorization URL',
			name: 'authUrl',
			type: 'hidden',
			default: '={{$self["baseUrl"].replace(/\\/+$/, "")}}/oauth/authorize',
			required: true,
		},
		{
			displayName: 'Access Token URL',
			name: 'accessTokenUrl',
			type: 'hidden',
			default: '={{$self["baseUrl"].replace(/\\/+$/, "")}}/oauth/token',
			required: true,
		},
		{
			displayName: 'Scope',
			name: 'scope',
			type: 'hidden',
			default: 'events:read webhooks:write integrations:read integrations:write',
		},
		{
			displayName: 'Auth URI Query Parameters',
			name: 'authQueryParameters',
			type: 'hidden',
			default: '',
		},
		{
			displayName: 'Authentication',
			name: 'authentication',
			type: 'hidden',
			default: 'header',
		},
	];
}
