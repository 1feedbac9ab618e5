import { isAtWork } from '../../shared/onnx/inference-pool.ts'
import type { ServedModelState } from '../open-inference/served-models.ts'
import type { ModelShelf, ShelfEntry } from './create-model-shelf.ts'
import type { HeldState } from './plan-models.ts'

type Version = Omit<ServedModelState, 'name'>

const repositoryStates = {
  loading: 'LOADING',
  ready: 'READY',
  refused: 'UNAVAILABLE',
  retiring: 'UNLOADING',
  failed: 'UNAVAILABLE',
} as const satisfies Record<HeldState, Version['state']>

/** A model whose workers have died is no longer ready, whatever its place on the shelf. */
function versionOf({ name, state, reason, student }: ShelfEntry): Version {
  const isDead = state === 'ready' && student !== undefined && !isAtWork(student.state())
  return { version: name.id, state: isDead ? 'UNAVAILABLE' : repositoryStates[state], reason }
}

export interface ListVersionsOptions {
  readonly phase: 'cold' | 'loading' | 'ready' | 'draining'
  /** Crops are taken. */
  readonly ready: boolean
  readonly shelf: ModelShelf | undefined
  /** The configured model, for messages. */
  readonly modelPath: string
}

/** Where each model in memory stands, in the terms of a model repository; the one that judges comes first. */
export function listVersions({ phase, ready, shelf, modelPath }: ListVersionsOptions): readonly Version[] {
  const live = shelf?.live()
  const version = live?.model.id ?? ''
  const entries = shelf?.entries() ?? []
  const isLive = ({ student }: ShelfEntry) => live !== undefined && student === live
  const others = entries.filter((entry) => !isLive(entry)).map(versionOf)
  if (ready) return [{ version, state: 'READY', reason: entries.find(isLive)?.reason ?? '' }, ...others]
  if (phase === 'draining') return [{ version, state: 'UNLOADING', reason: 'the service is being stopped' }]
  if (phase === 'ready') {
    return [{ version, state: 'UNAVAILABLE', reason: 'its workers have died; see the log' }, ...others]
  }
  return [{ version, state: 'LOADING', reason: `${modelPath} is being loaded` }]
}
