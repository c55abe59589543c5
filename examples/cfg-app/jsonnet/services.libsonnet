// How each service runs, by image set, unless a target says otherwise. This is also what a target
// runs that says nothing: all of it.
local defaults = {
  replicas: 1,
  port: 8080,  // null: a worker, which nobody calls
  cpu: '50m',
  memory: '64Mi',
  env: {},
};
local worker = defaults { port: null, memory: '128Mi' };

{
  app: {
    gateway: defaults {
      memory: '128Mi',
      env: { CATALOG_URL: 'http://catalog:8080', ORDERS_URL: 'http://orders:8080' },
    },
    orders: defaults,
    billing: defaults { env: { CURRENCY: 'EUR' } },
    catalog: defaults,
    '*': defaults,  // every other service that the image set has: a new one starts without an edit here
  },
  batch: {
    reporter: worker { env: { ORDERS_URL: 'http://orders:8080' } },
    archiver: worker { env: { KEEP_DAYS: '400' } },
    '*': worker,
  },
}
