// Staging: two targets, small.
local services = import '../services.libsonnet';

{
  images: {
    app: import '../../images/staging/app/digests.json',
    batch: import '../../images/staging/batch/digests.json',
  },
  targets: {
    'staging-eu': services,
    'staging-edge': (import '../edge.libsonnet')('http://orders.staging-eu.acme.example'),
  },
}
