import type { StripKey } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { ModelAssignment } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { PoolState } from '../../shared/onnx/inference-pool.ts'
import { createNotifier } from '../../shared/queue/notifier.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { withinTime } from '../../shared/service/within-time.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import { createShadowCounter, type ShadowComparison, type ShadowCounter } from './compare-shadow.ts'
import type { LoadedStudent } from './load-student.ts'
import { type HeldState, keyOf, type ModelName, planModels, readWanted } from './plan-models.ts'
import { takesPart } from './route-part.ts'

export interface ModelShelfOptions {
  /** Judges where the assignment names no model. */
  readonly configured: ModelName
  readonly maxLoaded: number
  readonly logger: Logger
  /** Loads, checks and warms a model; rejects with why it is refused. */
  readonly load: (model: ModelName, signal: AbortSignal) => Promise<LoadedStudent>
  /** How long a model that is let go may finish what it has, ms. */
  readonly retireLimitMs: number
  readonly clock: Pick<Clock, 'sleep'>
  /** Told of every model that is refused. */
  readonly onRefused?: (error: PelletlineError) => void
  /** Told after every change of what is in memory or who judges. */
  readonly onChange: () => void
}

/** Where one model stands. */
export interface ShelfEntry {
  readonly name: ModelName
  readonly state: HeldState
  /** Why; empty: nothing to say. */
  readonly reason: string
  /** There where it is refused or has failed. */
  readonly error: PelletlineError | undefined
  /** There while it is ready or retiring. */
  readonly student: LoadedStudent | undefined
  /** There where it is or was in shadow since it was loaded. */
  readonly shadow: ShadowComparison | undefined
}

/** By which models one strip part is judged: all of it by one. */
export interface PartRoute {
  readonly student: LoadedStudent
  /**
   * There where a canary judges: marks it as failed, for good, and gives the model that is live, which is to judge the whole part
   * instead; undefined where the canary itself has become live.
   */
  readonly fallBack: ((error: PelletlineError) => LoadedStudent | undefined) | undefined
  /** Scores the part too, for comparison. */
  readonly shadow: { readonly student: LoadedStudent; readonly counter: ShadowCounter } | undefined
}

/** The models in memory: it follows an assignment, one load at a time, and says who judges. */
export interface ModelShelf {
  /** Takes up an assignment; undefined: the configured model judges. What judges goes on until the wanted model is ready. */
  follow(assignment: ModelAssignment | undefined): void
  /** Generation of the assignment that was taken up; 0: none. */
  readonly generation: bigint
  /** The model that judges; undefined before it is warm. */
  live(): LoadedStudent | undefined
  /** A model that is ready, by its id. */
  find(id: string): LoadedStudent | undefined
  /**
   * There where the model that judged before still has parts queued: resolves once none waits for a batch any more, or after
   * `handoverLimitMs`. A part that is routed before then shares the cores with those, and all of them take longer.
   */
  handover(): Promise<void> | undefined
  /** Who judges a strip part; undefined before a model is warm. */
  route(key: StripKey, part: number): PartRoute | undefined
  entries(): readonly ShelfEntry[]
  /** Is to be called where workers have died: a model that does not judge and has none left is failed, and gets no role. */
  noteDeaths(): void
  /** Crops that wait for a batch of the model with the most of them, each having a queue of its own; not of a shadow, for which nobody waits. */
  queued(): number
  /** Resolves with the error that the wanted live model was refused with, or undefined once it judges. */
  settled(): Promise<PelletlineError | undefined>
  /**
   * Ends loads, lets every model finish within `timeoutMs`, those that were let go before included, and ends their workers. What has
   * not ended some seconds after that is left alone, with a word in the log.
   */
  close(timeoutMs: number): Promise<void>
}

/** How long the parts of one model wait for those of the one before it, ms: about twice what a full queue takes on two cores. */
const handoverLimitMs = 2000

/** How long models that may finish nothing any more may take to end, ms: each waits for the run in its workers' hands. */
const endLimitMs = 10_000

/** What is to be said of a model in memory by the state of its workers. */
function noteOfWorkers(state: PoolState | undefined): string {
  if (state === 'failed') return 'its workers have died; see the log'
  if (state !== 'degraded') return ''
  return 'a worker of it was given up, so it judges more slowly; that one is tried again every minute, see the log'
}

interface Held {
  readonly name: ModelName
  state: HeldState
  error: PelletlineError | undefined
  student: LoadedStudent | undefined
  counter: ShadowCounter | undefined
}

/** Creates a shelf without a model; `follow` begins to load. */
export function createModelShelf(options: ModelShelfOptions): ModelShelf {
  const { configured, maxLoaded, logger, load, retireLimitMs, clock, onChange } = options
  const held = new Map<string, Held>()
  const changed = createNotifier()
  const stopping = new AbortController()
  /** Aborts once nothing may be finished any more. */
  const outOfTime = new AbortController()
  const work = new Set<Promise<void>>()
  /** Models that were let go and have not ended. */
  let ending = 0
  let assignment: ModelAssignment | undefined
  let handover: Promise<void> | undefined
  let roles: { judging?: string | undefined; shadow?: string | undefined; canary?: string | undefined } = {}

  const wanted = () => readWanted(assignment, configured)

  function track(task: Promise<void>): void {
    work.add(task)
    void task.finally(() => work.delete(task))
  }

  function step(): void {
    if (stopping.signal.aborted) return
    failDead()
    const states = new Map([...held].map(([key, { state }]) => [key, state]))
    const plan = planModels({ states, judging: roles.judging, ending, maxLoaded }, wanted())
    if (plan.judging !== roles.judging && plan.judging !== undefined) {
      const from = roles.judging === undefined ? undefined : held.get(roles.judging)?.name.id
      logger.info({ model: held.get(plan.judging)!.name.id, from, generation: assignment?.generation }, 'model judges')
    }
    const counter = plan.shadow === undefined ? undefined : held.get(plan.shadow)
    // Counts are against one model that judges; with another one they begin anew.
    if (counter !== undefined && (plan.shadow !== roles.shadow || plan.judging !== roles.judging)) {
      counter.counter = createShadowCounter(counter.name)
    }
    if (plan.judging !== roles.judging) beginHandover(studentOf(roles.judging))
    roles = { judging: plan.judging, shadow: plan.shadow, canary: plan.canary }
    // What judged until now may be in memory without a worker.
    failDead()
    for (const key of plan.retire) retire(key)
    for (const name of plan.tooMany) refuse(name, tooMany(name))
    if (plan.load !== undefined) begin(plan.load)
    changed.notify()
    onChange()
  }

  function beginHandover(before: LoadedStudent | undefined): void {
    if (before === undefined) return
    // Where the switch before is not done yet, its parts still wait, and so have none been queued for this one.
    const turn = Promise.all([handover, withinTime(before.batcher.taken('bus'), handoverLimitMs, clock)]).then(() => {
      if (handover === turn) handover = undefined
    })
    handover = turn
  }

  function tooMany({ id }: ModelName): PelletlineError {
    const ready = [...held].filter(([, { state }]) => state === 'ready')
    const names = ready.map(([, { name }]) => name.id)
    const canUnload = ready.some(([key]) => key !== roles.judging)
    const next = canUnload
      ? `unload one before ${id} is loaded`
      : `raise models.maxLoaded, since the one that judges stays`
    const text = `${names.length} models are in memory (${names.join(', ')}), at most ${maxLoaded} may be; ${next}.`
    return new PelletlineError('resource_exhausted', text)
  }

  function refuse(name: ModelName, error: PelletlineError): void {
    held.set(keyOf(name), { name, state: 'refused', error, student: undefined, counter: undefined })
    logger.warn({ model: name.id, code: error.code }, `model refused: ${error.message}`)
    options.onRefused?.(error)
  }

  function begin(name: ModelName): void {
    const entry: Held = { name, state: 'loading', error: undefined, student: undefined, counter: undefined }
    held.set(keyOf(name), entry)
    const loading = async () => {
      try {
        entry.student = await load(name, stopping.signal)
        // Warm in the moment of the stop: nobody else would end it.
        if (stopping.signal.aborted) return await entry.student.close(0)
        entry.state = 'ready'
        logger.info({ model: name.id, sha256: name.sha256, loadMs: entry.student.loadMs }, 'model is warm')
      } catch (reason) {
        if (stopping.signal.aborted) held.delete(keyOf(name))
        else refuse(name, PelletlineError.from(reason))
      }
      step()
    }
    track(loading())
  }

  /** What was routed to a model before this moment has been submitted by now: routing and submitting are one step. */
  async function letGo(student: LoadedStudent): Promise<void> {
    ending += 1
    await student
      .close(retireLimitMs, outOfTime.signal)
      .catch((reason) => logger.error({ err: reason }, 'a model did not end well'))
    ending -= 1
  }

  function retire(key: string): void {
    const entry = held.get(key)!
    if (entry.student === undefined) {
      held.delete(key)
      return
    }
    entry.state = 'retiring'
    const { student } = entry
    const closing = async () => {
      await letGo(student)
      held.delete(key)
      step()
    }
    track(closing())
  }

  /** Lets go of a model that is ready and cannot judge; only a new load gives it another chance. */
  function markFailed(key: string, { name, counter }: Held, student: LoadedStudent, error: PelletlineError): void {
    held.set(key, { name, state: 'failed', error, student: undefined, counter })
    logger.error({ model: name.id, code: error.code }, `model failed, it does not judge: ${error.message}`)
    // There may be a model that waits for its room.
    track(letGo(student).then(step))
  }

  /** Models without a worker that are ready and do not judge. */
  function deadModels(): (readonly [string, Held, LoadedStudent])[] {
    return [...held].flatMap(([key, entry]) => {
      const { state, student } = entry
      if (state !== 'ready' || key === roles.judging || student?.state() !== 'failed') return []
      return [[key, entry, student] as const]
    })
  }

  function failDead(): void {
    for (const [key, entry, student] of deadModels()) {
      markFailed(key, entry, student, new PelletlineError('unavailable', 'All its workers have died; see the log.'))
    }
  }

  function noteDeaths(): void {
    if (deadModels().length > 0) step()
  }

  /** Takes a canary off that cannot judge. */
  function fail(key: string, student: LoadedStudent, error: PelletlineError): void {
    const entry = held.get(key)
    // It may have been loaded anew since the part fell to it.
    if (entry?.student !== student || entry.state !== 'ready' || key === roles.judging) return
    markFailed(key, entry, student, error)
    step()
  }

  const studentOf = (key: string | undefined) => (key === undefined ? undefined : held.get(key)?.student)

  return {
    follow(next) {
      // A new assignment is a new chance for what was refused: its file may have been mended.
      for (const [key, { state }] of held) if (state === 'refused') held.delete(key)
      assignment = next
      step()
    },
    get generation() {
      return assignment?.generation ?? 0n
    },
    live: () => studentOf(roles.judging),
    find(id) {
      const live = studentOf(roles.judging)
      if (live?.model.id === id) return live
      return [...held.values()].find(({ name, state }) => name.id === id && state === 'ready')?.student
    },
    handover: () => handover,
    route(key, part) {
      const live = studentOf(roles.judging)
      if (live === undefined) return undefined
      const { canary, shadow } = assignment ?? {}
      const trial = roles.canary
      // A canary whose workers have died must not hold up the line: the model that is live judges for it.
      noteDeaths()
      const tried = studentOf(roles.canary)
      const rule = { modelId: tried?.model.id ?? '', share: canary?.share ?? 0, lines: canary?.lines ?? [] }
      const student = tried !== undefined && takesPart('canary', rule, key, part) ? tried : live
      const fallBack = (error: PelletlineError) => {
        fail(trial!, student, error)
        const now = studentOf(roles.judging)
        return now === student ? undefined : now
      }
      const watched = roles.shadow === undefined ? undefined : held.get(roles.shadow)
      const watches =
        watched?.student !== undefined &&
        watched.student !== student &&
        takesPart('shadow', { modelId: watched.name.id, share: shadow?.share ?? 0, lines: [] }, key, part)
      return {
        student,
        fallBack: student === live ? undefined : fallBack,
        shadow: watches ? { student: watched.student!, counter: watched.counter! } : undefined,
      }
    },
    entries: () =>
      [...held.values()].map(({ name, state, error, student, counter }) => ({
        name,
        state,
        reason: error?.message ?? noteOfWorkers(student?.state()),
        error,
        student,
        shadow: counter?.read(),
      })),
    noteDeaths,
    queued() {
      const judging = [...held].filter(([key]) => key !== roles.shadow)
      return Math.max(0, ...judging.map(([, { student }]) => student?.batcher.queued() ?? 0))
    },
    async settled() {
      for (;;) {
        const change = changed.changed(stopping.signal)
        const live = held.get(keyOf(wanted().live))
        if (live?.state === 'refused' || live?.state === 'failed') return live.error
        if (roles.judging === keyOf(wanted().live)) return undefined
        if (stopping.signal.aborted) return new PelletlineError('cancelled', 'The student was stopped while it loaded.')
        await change
      }
    },
    async close(timeoutMs) {
      stopping.abort()
      const open = [...held.values()].filter(({ state }) => state === 'ready')
      const endAll = async () => {
        await Promise.all([...open.map(({ student }) => student!.close(timeoutMs)), ...work])
        while (work.size > 0) await Promise.all(work)
      }
      const ending = endAll()
      const inTime = await withinTime(ending, timeoutMs, clock)
      outOfTime.abort()
      if (!inTime && !(await withinTime(ending, endLimitMs, clock))) {
        const names = [...held.values()].map(({ name }) => name.id)
        logger.error({ models: names }, 'models have not ended; the process ends without them')
      }
      held.clear()
      roles = {}
      changed.notify()
    },
  }
}
