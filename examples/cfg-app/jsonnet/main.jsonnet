// Everything that runs: the path of each committed YAML file, and the resources in it.
local target = import 'lib/target.libsonnet';

local waves = {
  staging: import 'waves/staging.libsonnet',
  internal: import 'waves/internal.libsonnet',
  production: import 'waves/production.libsonnet',
};

{
  [path]: files[path]
  for wave in std.objectFields(waves)
  for name in std.objectFields(waves[wave].targets)
  for files in [target(wave, name, waves[wave].targets[name], waves[wave].images)]
  for path in std.objectFields(files)
}
