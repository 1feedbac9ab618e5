/** Attributes of the OpenTelemetry resource by the variable that a pod gets through the downward API. */
const variables = {
  K8S_POD_NAME: 'k8s.pod.name',
  K8S_POD_UID: 'k8s.pod.uid',
  K8S_NAMESPACE_NAME: 'k8s.namespace.name',
  K8S_NODE_NAME: 'k8s.node.name',
  K8S_CONTAINER_NAME: 'k8s.container.name',
  K8S_DEPLOYMENT_NAME: 'k8s.deployment.name',
  K8S_CLUSTER_NAME: 'k8s.cluster.name',
} as const

/**
 * What the environment says of where a process runs: `K8S_*` as above, and what `OTEL_RESOURCE_ATTRIBUTES` adds
 * (`name=value,name=value`, percent-encoded, as OpenTelemetry specifies it). Empty variables count as not set.
 */
export function readResourceEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const attributes: Record<string, string> = {}
  for (const entry of (environment['OTEL_RESOURCE_ATTRIBUTES'] ?? '').split(',')) {
    const at = entry.indexOf('=')
    const name = entry.slice(0, at).trim()
    if (at > 0 && name !== '') attributes[name] = decode(entry.slice(at + 1).trim())
  }
  for (const [variable, name] of Object.entries(variables)) {
    const value = environment[variable]
    if (value !== undefined && value !== '') attributes[name] = value
  }
  return attributes
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
