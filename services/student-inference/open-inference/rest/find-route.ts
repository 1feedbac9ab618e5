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

/** A route with the one method by which it is asked for. */
export interface FoundRoute {
  readonly method: 'GET' | 'POST'
  readonly route: Route
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

/** Finds what a request's target (path and query, of which the query is ignored) asks for; undefined where it is nothing. */
export function findRoute(target: string): FoundRoute | undefined {
  const path = target.split('?', 1)[0]!.replace(/(?<=.)\/$/, '')
  if (Object.hasOwn(plain, path)) return plain[path]
  const ofModel = modelPath.exec(path)
  if (ofModel !== null) {
    const [, model = '', version = '', what = ''] = ofModel
    const kind = modelKinds[what as keyof typeof modelKinds]
    const route = { kind, model: decode(model), version: decode(version) }
    return { method: kind === 'infer' ? 'POST' : 'GET', route }
  }
  const ofRepository = repositoryPath.exec(path)
  if (ofRepository === null) return undefined
  const [, model = '', kind] = ofRepository
  return { method: 'POST', route: { kind: kind as 'load' | 'unload', model: decode(model) } }
}
