import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'

/** What a path asks for. */
export type Route =
  | { readonly kind: 'server' | 'live' | 'ready' | 'all-statistics' }
  | {
      readonly kind: 'model' | 'model-ready' | 'model-config' | 'model-statistics' | 'infer'
      readonly model: string
      /** Empty: the one that is in use. */
      readonly version: string
    }
  | { readonly kind: 'index' }
  | { readonly kind: 'load' | 'unload'; readonly model: string }

/** A route with the one method by which it is asked for, or an extension of the protocol that is not offered. */
export type FoundRoute =
  | { readonly method: 'GET' | 'POST'; readonly route: Route }
  | {
      readonly method: 'any'
      /** What is not offered, and what there is instead. */
      readonly notOffered: string
    }

const plain: Readonly<Record<string, FoundRoute>> = {
  '/v2': { method: 'GET', route: { kind: 'server' } },
  '/v2/health/live': { method: 'GET', route: { kind: 'live' } },
  '/v2/health/ready': { method: 'GET', route: { kind: 'ready' } },
  '/v2/models/stats': { method: 'GET', route: { kind: 'all-statistics' } },
  '/v2/repository/index': { method: 'POST', route: { kind: 'index' } },
}

const modelPath = /^\/v2\/models\/([^/]+)(?:\/versions\/([^/]+))?(?:\/(ready|config|stats|infer))?$/
const repositoryPath = /^\/v2\/repository\/models\/([^/]+)\/(load|unload)$/

const ofAnyModel = '/models/[^/]+(?:/versions/[^/]+)?'
/** Extensions of Triton whose paths its clients know. */
const notOffered: readonly (readonly [RegExp, string])[] = [
  [
    new RegExp(`^/v2(?:${ofAnyModel})?/trace/setting$`),
    'Settings of tracing are not offered; spans and metrics are set in the configuration of the service.',
  ],
  [/^\/v2\/logging$/, 'Settings of logging are not offered; logLevel is set in the configuration of the service.'],
  [
    /^\/v2\/(?:system|cuda)sharedmemory(?:\/region\/[^/]+)?\/(?:status|register|unregister)$/,
    'Tensors in shared memory are not offered; send and take them with the message.',
  ],
  [
    new RegExp(`^/v2${ofAnyModel}/generate(?:_stream)?$`),
    'The generate extension is not offered; ask for logits with infer.',
  ],
]

const modelKinds = {
  '': 'model',
  ready: 'model-ready',
  config: 'model-config',
  stats: 'model-statistics',
  infer: 'infer',
} as const

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch (cause) {
    const message = `"${text.slice(0, 64)}" in the path is not percent-encoded UTF-8; encode it and send it again.`
    throw new PelletlineError('invalid_argument', message, { cause })
  }
}

const pathOf = (target: string) => target.split('?', 1)[0]!.replace(/(?<=.)\/$/, '')

/**
 * The path of a request's target with its names left open, `/v2/models/{model}/infer`: one of a few, whatever callers ask
 * for. Undefined where `findRoute` finds nothing.
 */
export function findTemplate(target: string): string | undefined {
  const path = pathOf(target)
  if (Object.hasOwn(plain, path)) return path
  const known = [modelPath, repositoryPath, ...notOffered.map(([pattern]) => pattern)]
  if (!known.some((pattern) => pattern.test(path))) return undefined
  return path.replace(/\/(model|version|region)(s?)\/[^/]+/g, '/$1$2/{$1}')
}

/** Finds what a request's target (path and query, of which the query is ignored) asks for; undefined where it is nothing. */
export function findRoute(target: string): FoundRoute | undefined {
  const path = pathOf(target)
  if (Object.hasOwn(plain, path)) return plain[path]
  const ofModel = modelPath.exec(path)
  if (ofModel !== null) {
    const [, model = '', version = '', what = ''] = ofModel
    const kind = modelKinds[what as keyof typeof modelKinds]
    const route = { kind, model: decode(model), version: decode(version) }
    return { method: kind === 'infer' ? 'POST' : 'GET', route }
  }
  const ofRepository = repositoryPath.exec(path)
  if (ofRepository === null) {
    const [, reason] = notOffered.find(([pattern]) => pattern.test(path)) ?? []
    return reason === undefined ? undefined : { method: 'any', notOffered: reason }
  }
  const [, model = '', kind] = ofRepository
  return { method: 'POST', route: { kind: kind as 'load' | 'unload', model: decode(model) } }
}
