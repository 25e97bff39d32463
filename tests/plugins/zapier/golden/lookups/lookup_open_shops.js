const { lookup } = require('../lib/lookups');

module.exports = {
  key: 'lookup_open_shops',
  noun: 'Open Shops',
  display: {
    label: 'Open Shops',
    description: 'Lists the shops.',
    hidden: true,
  },
  operation: {
    perform: lookup({
      path: '/lookups/open-shops',
      items: 'shops',
      value: 'shop_id',
      pageSize: 200,
    }),
    canPaginate: true,
  },
};
