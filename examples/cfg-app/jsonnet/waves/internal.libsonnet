// Internal: what the company itself uses.
local services = import '../services.libsonnet';

{
  images: {
    app: import '../../images/internal/app/digests.json',
    batch: import '../../images/internal/batch/digests.json',
  },
  targets: {
    'internal-eu': services { app+: { gateway+: { replicas: 2 } } },
    // The jobs of both regions run in internal-eu.
    'internal-us': { app: services.app { billing+: { env+: { CURRENCY: 'USD' } } } },
    'internal-edge': (import '../edge.libsonnet')('http://orders.internal-eu.acme.example'),
  },
}
