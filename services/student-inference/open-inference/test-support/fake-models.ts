import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import type { BatchElements, InferOptions, ServedModel, ServedModelState, ServedModels } from '../served-models.ts'

/** One request in the hands of a fake model. */
export interface FakeRun {
  readonly elements: BatchElements
  readonly count: number
  readonly options: InferOptions
  finish(): void
  fail(reason: PelletlineError): void
}

export interface FakeModelsOptions {
  readonly datatype?: 'UINT8' | 'FP32'
  readonly ready?: () => boolean
  /** State of version `a`; UNAVAILABLE where absent. */
  readonly older?: ServedModelState['state']
  /** Requests wait until the test ends them; by default each ends at once. */
  readonly manual?: boolean
  readonly control?: ServedModels['control']
  readonly repository?: NonNullable<ServedModels['repository']>
}

/** Logits of an item: 0, and its first element. */
function answer(elements: BatchElements, count: number): Float32Array {
  const perItem = elements.length / count
  return Float32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? 0 : elements[Math.floor(i / 2) * perItem]!))
}

/** Two versions of the model `student`, of which `b` is in use; every run is kept in `runs`. */
export function createFakeModels(options: FakeModelsOptions = {}): ServedModels & { readonly runs: FakeRun[] } {
  const { datatype = 'UINT8', ready = () => true, manual = false, older = 'UNAVAILABLE', control, repository } = options
  const runs: FakeRun[] = []
  const nothing = { count: 0, ns: 0n }
  const model = (version: string): ServedModel => ({
    name: 'student',
    version,
    platform: 'fake',
    backend: 'fake',
    input: { name: 'pellet', datatype, itemShape: [1, 50, 50] },
    output: { name: 'logits', datatype: 'FP32', itemShape: [2] },
    maxItems: 4096,
    sessions: 1,
    onGpu: false,
    maxBatch: 32,
    facts: () => ({ sha256: 'ab' }),
    ready,
    infer(elements, count, how) {
      const { promise, resolve, reject } = Promise.withResolvers<Float32Array>()
      how.signal.addEventListener('abort', () => reject(new PelletlineError('cancelled', 'The run was cancelled.')))
      const run = { elements, count, options: how, finish: () => resolve(answer(elements, count)), fail: reject }
      runs.push(run)
      if (!manual) run.finish()
      return promise
    },
    statistics: () => ({
      items: 7,
      lastRunMs: 1000,
      success: { count: 3, ns: 30n },
      fail: nothing,
      queue: { count: 3, ns: 10n },
      compute: { count: 3, ns: 20n },
      runs: [
        { batchSize: 1, compute: { count: 1, ns: 5n } },
        { batchSize: 3, compute: { count: 2, ns: 15n } },
      ],
    }),
  })
  const versions = new Map(['a', 'b'].map((version) => [version, model(version)]))
  return {
    runs,
    ready,
    list: () => [
      { name: 'student', version: 'b', state: ready() ? 'READY' : 'LOADING', reason: '' },
      { name: 'student', version: 'a', state: older, reason: 'an older one' },
    ],
    find(name, version) {
      const found = name === 'student' ? versions.get(version || 'b') : undefined
      if (found === undefined) throw new PelletlineError('not_found', `There is no ${name} ${version} here.`)
      if (!ready()) throw new PelletlineError('unavailable', `${name} is being loaded.`, { retryAfterMs: 1500 })
      return found
    },
    ...(control === undefined ? {} : { control }),
    ...(repository === undefined ? {} : { repository }),
  }
}
