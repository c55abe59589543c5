// Everything that runs: the path of each committed YAML file, and the resources in it.
local target = import 'lib/target.libsonnet';

local waves = {
  staging: import 'waves/staging.libsonnet',
  internal: import 'waves/internal.libsonnet',
  production: import 'waves/production.libsonnet',
};

local targets = [
  { wave: wave, name: name }
  for wave in std.objectFields(waves)
  for name in std.objectFields(waves[wave].targets)
];

// With `parts`, only one of so many parts of the targets: each core can make one.
function(part=0, parts=1) {
  [path]: files[path]
  for one in targets[part::parts]
  for wave in [waves[one.wave]]
  for files in [target(one.wave, one.name, wave.targets[one.name], wave.images)]
  for path in std.objectFields(files)
}
