// One target: the path of each of its YAML files, and the resources in it.
local workload = import 'workload.libsonnet';

// How each service of a set runs on the target: those that the target names, and with '*' whatever
// else the image set has. A set that lacks one of those named is refused, whole.
local running(wave, target, set, named, digests) =
  local available = std.objectFields(digests);
  local missing = std.setDiff(std.objectFields(named), std.setUnion(available, ['*']));
  if missing != [] then
    error 'images/%s/%s/digests.json has no image of %s, which %s runs: announce a set that has it, or take it out of jsonnet/' % [
      wave,
      set,
      std.join(', ', missing),
      target,
    ]
  else {
    [service]: if std.objectHas(named, service) then named[service] else named['*']
    for service in available
    if std.objectHas(named, service) || std.objectHas(named, '*')
  };

function(wave, target, sets, images) {
  ['generated/%s/%s/%s.yaml' % [wave, target, service]]:
    workload(service, set, images[set][service], services[service])
  for set in std.objectFields(sets)
  for services in [running(wave, target, set, sets[set], images[set])]
  for service in std.objectFields(services)
}
