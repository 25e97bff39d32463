const { API_URL } = require('../config');

const fits = (item, where) =>
  Object.entries(where).every(([name, value]) => item[name] === value);

/**
 * Read the items of a lookup that have the values in `where`, a page at a time
 * where it has pages. Each gets the field in `value` as its id.
 */
const lookup =
  ({ path, items, value, where = {}, pageSize }) =>
  async (z, bundle) => {
    const isFurther = pageSize && bundle.meta?.page > 0;
    let cursor = isFurther ? await z.cursor.get() : undefined;
    if (isFurther && !cursor) {
      return [];
    }
    let found;
    do {
      const response = await z.request({
        url: `${API_URL}/api/v1/integrations${path}`,
        params: { limit: pageSize, cursor },
        removeMissingValuesFrom: { params: true },
      });
      cursor = response.data.next_cursor;
      found = response.data[items].filter((item) => fits(item, where));
    } while (found.length === 0 && cursor); // an empty page would end the list
    if (pageSize) {
      await z.cursor.set(cursor ?? '');
    }
    return found.map((item) => ({ id: item[value], ...item }));
  };

module.exports = { lookup };
