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

const parsed = (z, text, { json: title, example }) => {
  try {
    return JSON.parse(text);
  } catch (error) {
    const form = example ? `Write it like this: ${example}. ` : '';
    throw new z.errors.Error(
      `${title} is not valid JSON. ${form}${error.message}`,
      'InvalidData',
      400,
    );
  }
};

/**
 * Give what is sent of one value. Zapier gives days with a time, and a number
 * that is chosen as text.
 */
const converted = (z, value, kind) => {
  if (Array.isArray(value)) {
    return value.map((item) => converted(z, item, kind));
  }
  if (typeof value !== 'string') {
    return value;
  }
  switch (kind) {
    case 'day':
      return /^\d{4}-\d\d-\d\d[T ]/.test(value) ? value.slice(0, 10) : value;
    case 'number':
      return Number.isNaN(Number(value)) ? value : Number(value);
    default:
      return parsed(z, value, kind);
  }
};

const convertedAll = (z, input, values) =>
  Object.fromEntries(
    Object.entries(input).map(([key, value]) => {
      if (values[key] !== undefined) {
        return [key, converted(z, value, values[key])];
      }
      const isLines = Array.isArray(value) && typeof value[0] === 'object';
      return [
        key,
        isLines ? value.map((line) => convertedAll(z, line, values)) : value,
      ];
    }),
  );

/**
 * Give what is sent of a form. `values` says by key what is not sent as it was
 * filled in; `yields` which field counts instead, where both are filled in.
 */
const valuesOf = (z, inputData, { values = {}, yields = {} }) => {
  const input = convertedAll(z, withoutBlanks(inputData), values);
  for (const [key, instead] of Object.entries(yields)) {
    if (input[instead] !== undefined) {
      delete input[key];
    }
  }
  return input;
};

module.exports = { valuesOf };
