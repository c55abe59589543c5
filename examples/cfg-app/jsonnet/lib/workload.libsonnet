// A service as Kubernetes resources: a Deployment and, if it listens, a Service.
function(name, set, image, settings)
  local labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': set };
  local metadata = { name: name, namespace: 'acme', labels: labels };
  local selector = { 'app.kubernetes.io/name': name };
  local listens = settings.port != null;
  local env = settings.env { [if listens then 'PORT']: std.toString(settings.port) };

  local container = {
    name: name,
    image: image,  // by digest: a tag can move, and a commit that moves only tags restarts nothing
    env: [{ name: key, value: env[key] } for key in std.objectFields(env)],
    resources: {
      requests: { cpu: settings.cpu, memory: settings.memory },
      limits: { memory: settings.memory },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      readOnlyRootFilesystem: true,
    },
    [if listens then 'ports']: [{ name: 'http', containerPort: settings.port }],
    [if listens then 'readinessProbe']: { httpGet: { path: '/healthz', port: 'http' } },
  };

  local deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadata,
    spec: {
      replicas: settings.replicas,
      selector: { matchLabels: selector },
      template: {
        metadata: { labels: labels },
        spec: {
          containers: [container],
          securityContext: { runAsNonRoot: true, runAsUser: 65532 },
        },
      },
    },
  };

  local service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadata,
    spec: {
      selector: selector,
      ports: [{ name: 'http', port: settings.port, targetPort: 'http' }],
    },
  };

  [deployment] + (if listens then [service] else [])
