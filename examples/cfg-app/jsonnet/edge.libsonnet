// An edge target: near the customers, and only what they read from. Orders go to a full target.
local services = import 'services.libsonnet';

function(orders_url) {
  app: {
    gateway: services.app.gateway { env+: { ORDERS_URL: orders_url } },
    catalog: services.app.catalog,
  },
}
