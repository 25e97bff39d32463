import {
	NodeOperationError,
	tryToParseDateTime,
	type IDataObject,
	type IExecuteFunctions,
} from 'n8n-workflow';

type Kind = 'text' | 'number' | 'boolean' | 'day' | 'moment' | 'object' | 'list' | 'json';

/** How the value of a field is read from the form, and what is sent of it. */
export interface FieldRule {
	/** What the API calls it, what the form calls it, and what people call it. */
	name: string;
	parameter: string;
	title: string;
	kind: Kind;
	/** Where it stands in the call: in the body, unless said otherwise. */
	place?: 'path' | 'query';
	/** The collection of the form that has it. */
	collection?: string;
	required?: boolean;
	nullable?: boolean;
	/** It is chosen from a list. */
	listed?: boolean;
	/** The field that counts where both are filled in. */
	yieldsTo?: string;
	/** What the entries of a list of plain values are. */
	entries?: Kind;
	/** The fields of an object, or of each entry of a list. */
	fields?: FieldRule[];
	/** How it is written, where it is JSON. */
	example?: string;
	/** The parameter that takes it as JSON, and the one that chooses that; without a choice it counts if it is filled in. */
	json?: string;
	specify?: string;
}

const ENTRIES = 'values';

/** Read the form of one item: what was left empty is not there, and null only where it clears a field. */
export function readFields(
	context: IExecuteFunctions,
	fields: FieldRule[],
	index: number,
): IDataObject {
	const read = (parameter: string) => context.getNodeParameter(parameter, index, '');
	return readAll(new Reader(context, index), fields, read);
}

function readAll(
	reader: Reader,
	fields: FieldRule[],
	read: (parameter: string) => unknown,
): IDataObject {
	const values: IDataObject = {};
	for (const field of fields) {
		const given = (parameter: string) =>
			field.collection === undefined
				? read(parameter)
				: (read(field.collection) as IDataObject | undefined)?.[parameter];
		const json = field.json === undefined ? undefined : given(field.json);
		const isJson =
			field.specify === undefined ? json !== undefined : given(field.specify) === 'json';
		const value = isJson
			? reader.value(field, 'json', json)
			: reader.value(field, field.kind, given(field.parameter));
		if (value === undefined && field.required) throw reader.isEmpty(field);
		if (value !== undefined) values[field.name] = value as IDataObject;
	}
	for (const { name, yieldsTo } of fields) {
		if (yieldsTo !== undefined && values[yieldsTo] !== undefined) delete values[name];
	}
	return values;
}

class Reader {
	constructor(
		private context: IExecuteFunctions,
		private itemIndex: number,
	) {}

	/** Give what is sent of *raw*; undefined where that counts as empty. */
	value(field: FieldRule, kind: Kind, raw: unknown): unknown {
		const isPlain = kind === 'text' || kind === 'number';
		const given = isPlain && isLocator(raw) ? raw.value : raw;
		if (given === null) return field.nullable ? null : undefined;
		if (given === undefined || given === '') return undefined;
		if (kind !== 'text' && typeof given === 'string' && given.trim() === '') return undefined;
		switch (kind) {
			case 'number':
				return Number.isNaN(Number(given)) ? given : Number(given);
			case 'boolean':
				return given === 'true' || (given === 'false' ? false : given);
			case 'day':
				return this.time(given, (time) => time.toISODate());
			case 'moment':
				return this.time(given, (time) => time.toUTC().toISO());
			case 'json':
				return this.json(field, given);
			case 'object':
				return this.object(field, given);
			case 'list':
				return this.list(field, given);
			default:
				return typeof given === 'object' ? given : String(given);
		}
	}

	isEmpty({ title, listed }: FieldRule) {
		const description = listed
			? 'Choose one from the list, or map the ID from an earlier node'
			: 'Fill it in, or map a value that the item has';
		return this.error(`'${title}' is empty`, description);
	}

	/** A time without a zone is in the workflow's. What is none goes out as it is, and the answer says so. */
	private time(given: unknown, write: (time: ReturnType<typeof tryToParseDateTime>) => unknown) {
		try {
			return write(tryToParseDateTime(given, this.context.getTimezone()));
		} catch {
			return given;
		}
	}

	private json(field: FieldRule, given: unknown): unknown {
		if (typeof given !== 'string') return given;
		try {
			const parsed: unknown = JSON.parse(given);
			return parsed === null && !field.nullable ? undefined : parsed;
		} catch (error) {
			const example = field.example === undefined ? '' : `Write it like this: ${field.example}. `;
			throw this.error(`'${field.title}' is not valid JSON`, example + (error as Error).message);
		}
	}

	/** Fields of the form, or an object from an expression. */
	private object(field: FieldRule, given: unknown): unknown {
		const whole = this.json(field, given);
		if (!isObject(whole) || (Object.keys(whole).length > 0 && !isObject(whole[ENTRIES])))
			return whole;
		if (whole[ENTRIES] === undefined) return undefined;
		const object = this.entry(field, whole[ENTRIES]);
		return Object.keys(object).length > 0 ? object : undefined;
	}

	/** Entries of the form, or a list from an expression. */
	private list(field: FieldRule, given: unknown): unknown {
		const isJson =
			typeof given === 'string' && (field.fields !== undefined || given.trim()[0] === '[');
		const whole = isJson ? this.json(field, given) : given;
		if (field.fields !== undefined) {
			if (!isObject(whole)) return whole;
			const entries = whole[ENTRIES] as unknown[] | undefined;
			return entries?.map((entry) => this.entry(field, entry));
		}
		const values = [whole]
			.flat(2)
			.map((entry) => this.value(field, field.entries ?? 'text', entry));
		const filled = values.filter((entry) => entry !== undefined && entry !== null);
		return filled.length > 0 ? filled : undefined;
	}

	private entry({ fields = [] }: FieldRule, values: unknown): IDataObject {
		return readAll(this, fields, (parameter) => (values as IDataObject)[parameter]);
	}

	private error(message: string, description: string) {
		const { context, itemIndex } = this;
		return new NodeOperationError(context.getNode(), message, { itemIndex, description });
	}
}

function isLocator(value: unknown): value is { value: unknown } {
	return isObject(value) && 'mode' in value && 'value' in value;
}

function isObject(value: unknown): value is IDataObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
