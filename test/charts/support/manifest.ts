/** As much of Kubernetes' objects as the tests look at. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: Spec
  readonly automountServiceAccountToken?: boolean
}

export interface Metadata {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Spec {
  readonly replicas?: number
  readonly strategy?: { readonly type: string }
  readonly selector?: Readonly<Record<string, string>> | { readonly matchLabels: Readonly<Record<string, string>> }
  readonly template?: { readonly metadata: Omit<Metadata, 'name'>; readonly spec: PodSpec }
  readonly ports?: readonly ServicePort[]
  readonly type?: string
  readonly podSelector?: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly ingress?: readonly {
    readonly ports: readonly { readonly port: string }[]
    readonly from?: readonly unknown[]
  }[]
  readonly maxUnavailable?: number
}

export interface ServicePort {
  readonly name: string
  readonly port: number
  readonly targetPort: string
  readonly appProtocol: string
}

export interface PodSpec {
  readonly serviceAccountName?: string
  readonly automountServiceAccountToken?: boolean
  readonly terminationGracePeriodSeconds?: number
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: readonly Container[]
  readonly volumes: readonly Volume[]
  readonly hostNetwork?: boolean
  readonly hostPID?: boolean
  readonly hostIPC?: boolean
  readonly topologySpreadConstraints?: readonly unknown[]
}

export interface Container {
  readonly name: string
  readonly image: string
  readonly args: readonly string[]
  readonly ports?: readonly { readonly name: string; readonly containerPort: number; readonly hostPort?: number }[]
  readonly startupProbe?: Probe
  readonly readinessProbe?: Probe
  readonly livenessProbe?: Probe
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly resources?: { readonly requests?: object; readonly limits?: Readonly<Record<string, string>> }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}

export interface Probe {
  readonly grpc: { readonly port: number; readonly service?: string }
}

interface Items {
  readonly name: string
  readonly items?: readonly { readonly key: string; readonly path: string }[]
}

export interface Volume {
  readonly name: string
  readonly configMap?: Items
  readonly projected?: { readonly sources: readonly { readonly secret?: Items; readonly configMap?: Items }[] }
  readonly emptyDir?: object
  readonly persistentVolumeClaim?: object
}

/** Pod of a workload (Deployment, Job, Pod); undefined for what has none. */
export function podOf({ kind, spec }: Manifest): PodSpec | undefined {
  return kind === 'Pod' ? (spec as unknown as PodSpec) : spec?.template?.spec
}

/** `Deployment/pelletline-analytics`. */
export function nameOf({ kind, metadata }: Manifest): string {
  return `${kind}/${metadata.name}`
}
