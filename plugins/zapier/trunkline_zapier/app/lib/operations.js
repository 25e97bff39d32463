const { API_URL } = require('../config');

const isBlank = (value) =>
  value === undefined ||
  value === null ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

// A field that was left empty may come as an empty string: it is not sent.
const withoutBlanks = (value) => {
  if (Array.isArray(value)) {
    return value.map(withoutBlanks).filter((item) => !isBlank(item));
  }
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value)
        .map(([key, inner]) => [key, withoutBlanks(inner)])
        .filter(([, inner]) => !isBlank(inner)),
    );
  }
  return value;
};

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
    parent[last] = value;
  }
  return nested;
};

/**
 * Split the input into the URL, whose {parameters} it fills, and the rest.
 */
const address = (path, input) => {
  const rest = { ...input };
  const filled = path.replace(/\{(\w+)\}/g, (whole, name) => {
    delete rest[name];
    return encodeURIComponent(input[name] ?? '');
  });
  return { url: `${API_URL}/api/v1/integrations${filled}`, rest };
};

const action =
  (method, path, { objects = [] } = {}) =>
  async (z, bundle) => {
    const { url, rest } = address(path, withoutBlanks(bundle.inputData));
    const response = await z.request({
      method,
      url,
      body: nest(rest, objects),
    });
    return response.data;
  };

const search = (path, results) => async (z, bundle) => {
  const { url, rest } = address(path, withoutBlanks(bundle.inputData));
  const response = await z.request({ url, params: rest });
  return response.data[results];
};

module.exports = { action, search };
