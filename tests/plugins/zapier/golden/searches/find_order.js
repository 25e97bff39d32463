const { search } = require('../lib/operations');

module.exports = {
  key: 'find_order',
  noun: 'Order',
  display: { label: 'Find Order', description: 'Finds an order.' },
  operation: {
    perform: search('/orders/search', 'results'),
    inputFields: [
      { key: 'order_id', label: 'Order ID', type: 'integer', placeholder: '7' },
    ],
    sample: { order_id: 7, note: 'It\'s "new"' },
    outputFields: [
      { key: 'order_id', label: 'Order ID', type: 'integer' },
      { key: 'note', label: 'Note', type: 'string' },
    ],
  },
};
