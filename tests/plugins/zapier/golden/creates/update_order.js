const { action } = require('../lib/operations');

module.exports = {
  key: 'update_order',
  noun: 'Order',
  display: { label: 'Update Order', description: 'Changes an order.' },
  operation: {
    perform: action('PATCH', '/shops/{shop_id}/orders', {
      objects: ['address'],
      titles: { shop_id: 'Shop' },
    }),
    inputFields: [
      {
        key: 'shop_id',
        label: 'Shop',
        type: 'integer',
        required: true,
        dynamic: 'lookup_open_shops_is_open_true.shop_id.name',
      },
      { key: 'note', label: 'Note', type: 'text' },
      {
        key: 'speed',
        label: 'Speed',
        type: 'string',
        choices: [
          { value: 'slow', sample: 'slow', label: 'Slow' },
          { value: 'fast', sample: 'fast', label: 'Fast' },
        ],
      },
      { key: 'is_gift', label: 'Gift', type: 'boolean' },
      { key: 'weight', label: 'Weight', type: 'number', placeholder: '1.5' },
      {
        key: 'due',
        label: 'Due',
        type: 'datetime',
        placeholder: '2026-01-28T10:30:00Z',
      },
      { key: 'tags', label: 'Tags', type: 'string', list: true },
      { key: 'address__city', label: 'Address City', type: 'string' },
      {
        key: 'lines',
        label: 'Lines',
        children: [
          { key: 'sku', label: 'SKU', type: 'string', placeholder: 'tea' },
        ],
      },
    ],
    sample: { order_id: 7, tags: ['new'] },
    outputFields: [
      { key: 'order_id', label: 'Order ID', type: 'integer' },
      { key: 'tags', label: 'Tags', type: 'string', list: true },
    ],
  },
};
