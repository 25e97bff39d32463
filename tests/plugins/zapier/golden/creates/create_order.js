const { action } = require('../lib/operations');

module.exports = {
  key: 'create_order',
  noun: 'Order',
  display: { label: 'Create Order', description: 'Places an order.' },
  operation: {
    perform: action('POST', '/orders'),
    inputFields: [
      { key: 'note', label: 'Note', type: 'text', required: true },
    ],
    sample: { order_id: 7, note: 'Text' },
    outputFields: [
      { key: 'order_id', label: 'Order ID', type: 'integer' },
      { key: 'note', label: 'Note', type: 'string' },
    ],
  },
};
