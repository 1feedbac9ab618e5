import type { ModelAssignment } from '../../gen/pelletline/registry/v1/models_pb.ts'

/** A model by id and digest: what two files of one name differ in. */
export interface ModelName {
  readonly id: string
  readonly sha256: string
}

/** Key of a model in memory. */
export function keyOf({ id, sha256 }: ModelName): string {
  return `${id}/${sha256}`
}

/** What is to be in memory, and what for. */
export interface WantedModels {
  readonly live: ModelName
  readonly shadow: ModelName | undefined
  readonly canary: ModelName | undefined
  readonly held: readonly ModelName[]
}

/** Reads an assignment; where it names no model that judges, the configured one does. */
export function readWanted(assignment: ModelAssignment | undefined, configured: ModelName): WantedModels {
  return {
    live: assignment?.live ?? configured,
    shadow: assignment?.shadow?.model,
    canary: assignment?.canary?.model,
    held: assignment?.held ?? [],
  }
}

/**
 * Where a model stands; `failed`: it was ready, could not judge as the canary or lost its last worker without judging, and is let go
 * until the assignment drops it.
 */
export type HeldState = 'loading' | 'ready' | 'refused' | 'retiring' | 'failed'

/** What is in memory, by key. */
export interface HeldModels {
  readonly states: ReadonlyMap<string, HeldState>
  /** Key of the model that judges now; undefined before the first is warm. */
  readonly judging: string | undefined
  /** Models that were let go, retiring or failed, and have not ended: they have workers and weights until then. */
  readonly ending: number
  /** Most models that are loading, ready or ending. */
  readonly maxLoaded: number
}

/** What follows for the next moment. */
export interface ModelPlan {
  /** Model that judges from now on: the wanted one once it is ready, until then the one that does. */
  readonly judging: string | undefined
  /** In their roles only once they are ready. */
  readonly shadow: string | undefined
  readonly canary: string | undefined
  /** Models that nothing needs any more. */
  readonly retire: readonly string[]
  /** The next model to load, one at a time, the most important first; undefined: none, or none before another has retired. */
  readonly load: ModelName | undefined
  /** Wanted models that do not fit beside the others. */
  readonly tooMany: readonly ModelName[]
}

/**
 * Decides what becomes of the models in memory: a pure function, asked again after every change of either. The model that
 * judges stays until the wanted one is ready, so a switch leaves no moment without one.
 */
export function planModels(held: HeldModels, wanted: WantedModels): ModelPlan {
  const { states } = held
  const inOrder = [wanted.live, wanted.canary, wanted.shadow, ...wanted.held].filter((model) => model !== undefined)
  const byKey = new Map(inOrder.map((model) => [keyOf(model), model]))
  const ready = (model: ModelName | undefined) =>
    model !== undefined && states.get(keyOf(model)) === 'ready' ? keyOf(model) : undefined
  const judging = ready(wanted.live) ?? held.judging
  const retire = [...states].flatMap(([key, state]) =>
    byKey.has(key) || key === judging || state === 'retiring' || state === 'loading' ? [] : [key],
  )
  const staying = [...states].filter(
    ([key, state]) => (state === 'ready' || state === 'loading') && !retire.includes(key),
  )
  const absent = [...byKey].filter(([key]) => !states.has(key)).map(([, model]) => model)
  const room = held.maxLoaded - staying.length
  // What is let go now has to end first as well.
  const ending = held.ending + retire.filter((key) => states.get(key) === 'ready').length
  const busy = [...states.values()].includes('loading')
  return {
    judging,
    shadow: ready(wanted.shadow),
    canary: ready(wanted.canary),
    retire,
    load: busy || room <= ending ? undefined : absent[0],
    tooMany: room <= 0 && !busy ? absent : [],
  }
}
