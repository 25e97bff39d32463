const { action } = require('../lib/operations');

module.exports = {
  key: 'update_order',
  noun: 'Order',
  display: { label: 'Update Order', description: 'Changes an order.' },
  operation: {
    perform: action('PATCH', '/shops/{shop_id}/orders', {
      objects: ['address'],
    }),
    inputFields: [
      {
        key: 'shop_id',
        label: 'Shop',
        type: 'integer',
        required: true,
        helpText: "The order's shop.",
        dynamic: 'lookup_open_shops_is_open_true.shop_id.name',
      },
      {
        key: 'note',
        label: 'Note',
        type: 'text',
        helpText: "The order's note.",
      },
      {
        key: 'speed',
        label: 'Speed',
        type: 'string',
        helpText: "The order's speed.",
        choices: ['slow', 'fast'],
        default: 'slow',
      },
      {
        key: 'is_gift',
        label: 'Gift',
        type: 'boolean',
        helpText: "The order's gift.",
      },
      {
        key: 'weight',
        label: 'Weight',
        type: 'number',
        helpText: "The order's weight.",
        placeholder: '1.5',
      },
      {
        key: 'due',
        label: 'Due',
        type: 'datetime',
        helpText: "The order's due.",
        placeholder: '2026-01-28T10:30:00Z',
      },
      {
        key: 'tags',
        label: 'Tags',
        type: 'string',
        list: true,
        helpText: "The order's tags.",
      },
      {
        key: 'address__city',
        label: 'City',
        type: 'string',
        helpText: "The order's city.",
      },
      {
        key: 'lines',
        label: 'Lines',
        children: [
          {
            key: 'sku',
            label: 'SKU',
            type: 'string',
            helpText: "The order's sku.",
            placeholder: 'tea',
          },
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
