const {
  listSamples,
  receive,
  subscribe,
  unsubscribe,
} = require('../lib/hooks');

module.exports = {
  key: 'order_placed',
  noun: 'Order',
  display: {
    label: 'New Order',
    description: 'Triggers when an order is placed.',
  },
  operation: {
    type: 'hook',
    inputFields: [
      {
        key: 'only_order_id',
        label: 'Only for Order ID',
        type: 'integer',
        helpText:
          'Only events whose Order ID is exactly this. Leave it empty for every event.',
      },
      {
        key: 'only_city_of_address',
        label: 'Only for Address City',
        type: 'string',
        helpText:
          'Only events whose Address City is exactly this. Leave it empty for every event.',
      },
    ],
    performSubscribe: subscribe('order.placed', {
      only_order_id: {
        path: 'payload.order_id',
        operator: 'eq',
        label: 'Only for Order ID',
        kind: 'number',
      },
      only_city_of_address: {
        path: 'payload.address.city',
        operator: 'eq',
        label: 'Only for Address City',
      },
    }),
    performUnsubscribe: unsubscribe,
    perform: receive,
    performList: listSamples('order.placed', {
      only_order_id: {
        path: 'payload.order_id',
        operator: 'eq',
        label: 'Only for Order ID',
        kind: 'number',
      },
      only_city_of_address: {
        path: 'payload.address.city',
        operator: 'eq',
        label: 'Only for Address City',
      },
    }),
    sample: {
      id: 45678,
      type: 'order.placed',
      createdUtc: '2026-01-28T10:30:00Z',
      companyId: 92,
      companyRef: 'acme',
      environment: 'test',
      payload: {
        order_id: 7,
        address: { city: 'Bremen' },
      },
    },
    outputFields: [
      { key: 'id', label: 'Event ID', type: 'integer', primary: true },
      { key: 'type', label: 'Event Type', type: 'string' },
      { key: 'createdUtc', label: 'Event Created', type: 'datetime' },
      { key: 'companyId', label: 'Company ID', type: 'integer' },
      { key: 'companyRef', label: 'Company Reference', type: 'string' },
      { key: 'environment', label: 'Environment', type: 'string' },
      { key: 'payload__order_id', label: 'Order ID', type: 'integer' },
      { key: 'payload__address__city', label: 'Address City', type: 'string' },
    ],
  },
};
