import { hostname } from 'node:os'
import process from 'node:process'
import { type Resource, resourceFromAttributes } from '@opentelemetry/resources'
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_NAMESPACE,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions'

export interface ResourceFacts {
  /** Name of the service. */
  readonly service: string
  readonly version: string
  /** What the environment says of the pod and of what runs there, by attribute name. */
  readonly environment: Readonly<Record<string, string>>
}

/** Describes a service as OpenTelemetry's resource; the instance is the pod where there is one, else host and process. */
export function describeResource({ service, version, environment }: ResourceFacts): Resource {
  return resourceFromAttributes({
    [ATTR_SERVICE_NAMESPACE]: 'pelletline',
    [ATTR_SERVICE_INSTANCE_ID]: environment['k8s.pod.uid'] ?? `${hostname()}-${process.pid}`,
    ...environment,
    [ATTR_SERVICE_NAME]: service,
    [ATTR_SERVICE_VERSION]: version,
  })
}
