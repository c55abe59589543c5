// Production: what customers use.
local services = import '../services.libsonnet';

local app = services.app {
  gateway+: { replicas: 4, cpu: '200m' },
  orders+: { replicas: 3, cpu: '200m' },
  billing+: { replicas: 2 },
  catalog+: { replicas: 3 },
};

{
  images: {
    app: import '../../images/production/app/digests.json',
    batch: import '../../images/production/batch/digests.json',
  },
  targets: {
    'prod-eu': { app: app, batch: services.batch },
    'prod-us': { app: app { billing+: { env+: { CURRENCY: 'USD' } } }, batch: services.batch },
    // The jobs of prod-ap run in prod-us.
    'prod-ap': { app: app { gateway+: { replicas: 2 }, billing+: { env+: { CURRENCY: 'SGD' } } } },
    'prod-edge': (import '../edge.libsonnet')('http://orders.prod-eu.acme.example') {
      app+: { gateway+: { replicas: 6 } },
    },
  },
}
