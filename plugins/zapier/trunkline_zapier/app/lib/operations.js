const { API_URL } = require('../config');
const { errorOf } = require('./errors');
const { valuesOf } = require('./values');

const MOST_RECORDS = 1000;
const DEFAULT_RECORDS = 50;

// A line's field is called lines__sku if the form has another field sku.
const line = (item, prefix) =>
  typeof item !== 'object' || item === null || Array.isArray(item)
    ? item
    : Object.fromEntries(
        Object.entries(item).map(([key, value]) => [
          key.startsWith(prefix) ? key.slice(prefix.length) : key,
          value,
        ]),
      );

/**
 * Put the fields of objects back into them: with the objects ['address'],
 * address__city becomes the city of the address.
 */
const nest = (input, objects) => {
  const nested = {};
  for (const [key, value] of Object.entries(input)) {
    const names = key.split('__');
    const path = objects.includes(names[0]) ? names : [key];
    const last = path.pop();
    const parent = path.reduce((node, name) => (node[name] ??= {}), nested);
    parent[last] = Array.isArray(value)
      ? value.map((item) => line(item, `${key}__`))
      : value;
  }
  return nested;
};

/**
 * Split the input into the URL, whose {parameters} it fills, and the rest.
 * `titles` has what people call the parameters.
 */
const address = (z, path, input, titles) => {
  const rest = { ...input };
  const filled = path.replace(/\{(\w+)\}/g, (whole, name) => {
    if (input[name] === undefined) {
      throw new z.errors.Error(
        `${titles[name]} is empty. Choose one from the list, or map it from an earlier step.`,
        'InvalidData',
        400,
      );
    }
    delete rest[name];
    return encodeURIComponent(input[name]);
  });
  return { url: `${API_URL}/api/v1/integrations${filled}`, rest };
};

/**
 * Add the record that an action has made, as its search finds it, so that both
 * ways of a find-or-create give the same fields. What was made stays made, even
 * if it cannot be read now.
 */
const withRecord = async (z, answer, { path, results, by }) => {
  try {
    const response = await z.request({
      url: `${API_URL}/api/v1/integrations${path}`,
      params: { [by]: answer[by] },
      skipThrowForStatus: true,
    });
    const [record] = response.status === 200 ? response.data[results] : [];
    return { ...record, ...answer };
  } catch {
    return answer;
  }
};

const action =
  (method, path, { objects = [], titles, values, yields, record } = {}) =>
  async (z, bundle) => {
    const { clear_fields: cleared = [], ...inputData } = bundle.inputData;
    const input = valuesOf(z, inputData, { values, yields });
    for (const key of [cleared].flat()) {
      input[key] ??= null; // what is filled in counts
    }
    const { url, rest } = address(z, path, input, titles);
    const response = await z.request({
      method,
      url,
      body: method === 'DELETE' ? undefined : nest(rest, objects),
    });
    // Zapier shows nothing of an empty answer: say at least that it was done.
    const isEmpty = Object.keys(response.data ?? {}).length === 0;
    const answer = isEmpty ? { success: true } : response.data;
    return record ? withRecord(z, answer, record) : answer;
  };

const search =
  (path, results, { titles, values, yields } = {}) =>
  async (z, bundle) => {
    const input = valuesOf(z, bundle.inputData, { values, yields });
    const { url, rest } = address(z, path, input, titles);
    const response = await z.request({ url, params: rest });
    return response.data[results];
  };

/** Find the one record that the path names; none is no error. */
const get =
  (path, { titles, values, yields } = {}) =>
  async (z, bundle) => {
    const input = valuesOf(z, bundle.inputData, { values, yields });
    const { url, rest } = address(z, path, input, titles);
    const response = await z.request({
      url,
      params: rest,
      skipThrowForStatus: true,
    });
    if (response.status === 404) {
      return [];
    }
    if (response.status >= 400) {
      throw errorOf(response, z);
    }
    return [response.data];
  };

/** Find several records, page by page, as many as the limit says. */
const list =
  (path, results, { titles, values, yields, pageSize }) =>
  async (z, bundle) => {
    const input = valuesOf(z, bundle.inputData, { values, yields });
    const limit = Math.min(
      Number(input.limit) || DEFAULT_RECORDS,
      MOST_RECORDS,
    );
    const { url, rest } = address(z, path, input, titles);
    const found = [];
    let cursor;
    do {
      const response = await z.request({
        url,
        params: {
          ...rest,
          limit: Math.min(pageSize, limit - found.length),
          cursor,
        },
        removeMissingValuesFrom: { params: true },
      });
      found.push(...response.data[results]);
      cursor = response.data.next_cursor;
    } while (cursor && found.length < limit);
    return found;
  };

module.exports = { action, get, list, search };
