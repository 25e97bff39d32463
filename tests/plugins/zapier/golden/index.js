const http = require('./lib/http');

module.exports = {
  version: require('./package.json').version,
  platformVersion: require('zapier-platform-core').version,
  authentication: require('./authentication'),
  beforeRequest: http.beforeRequest,
  afterResponse: http.afterResponse,
  flags: http.flags,
  triggers: {
    order_placed: require('./triggers/order_placed'),
    lookup_open_shops: require('./lookups/lookup_open_shops'),
    lookup_open_shops_is_open_true: require('./lookups/lookup_open_shops_is_open_true'),
  },
  creates: {
    create_order: require('./creates/create_order'),
    update_order: require('./creates/update_order'),
  },
  searches: { find_order: require('./searches/find_order') },
  searchOrCreates: {
    find_order: {
      key: 'find_order',
      display: {
        label: 'Find or Create Order',
        description: 'Finds an order, or creates one where there is none.',
      },
      search: 'find_order',
      create: 'create_order',
    },
  },
};
