import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropBytes } from '../shared/inspection/crop.ts'
import type { InferencePool } from '../shared/onnx/inference-pool.ts'
import { type EnsembleScore, joinTeachers } from './ensemble.ts'

export interface TeacherScorerOptions {
  /** One pool per teacher, in the order of the answers. */
  readonly pools: readonly Pick<InferencePool, 'run' | 'model'>[]
  /** Requests are merged up to this many crops; a larger one runs by itself. */
  readonly maxBatch: number
  /** Crops of callers that do not wait, beyond which they are refused. */
  readonly queueLimit: number
  /** Score above which the ensemble says NG. */
  readonly threshold: number
}

export interface ScoreOptions {
  /** `refuse` for rpc callers; the bus bounds its own. */
  readonly whenFull: 'refuse' | 'wait'
  readonly signal?: AbortSignal | undefined
}

/** Scores crops by every teacher, one run at a time. */
export interface TeacherScorer {
  /**
   * One score per crop, in order. Rejects with `cancelled` on abort (crops not yet in a run are not computed),
   * `resource_exhausted` where too many wait, `internal` where a teacher gives no finite number.
   */
  score(crops: readonly Uint8Array[], options: ScoreOptions): Promise<EnsembleScore[]>
  /** Crops that wait for callers who would have been refused; those of the bus, which shows its own lag, are none of them. */
  queued(): number
  /** Resolves once nothing waits and nothing is computed. */
  idle(): Promise<void>
}

interface Job {
  readonly crops: readonly Uint8Array[]
  readonly whenFull: ScoreOptions['whenFull']
  readonly resolve: (scores: EnsembleScore[]) => void
  readonly reject: (reason: unknown) => void
}

/** Creates a scorer over warm pools. */
export function createTeacherScorer(options: TeacherScorerOptions): TeacherScorer {
  const { pools, maxBatch, queueLimit, threshold } = options
  const waiting = new Set<Job>()
  const idleWaiters: (() => void)[] = []
  let running = false

  const queued = () =>
    [...waiting].reduce((sum, { whenFull, crops }) => (whenFull === 'refuse' ? sum + crops.length : sum), 0)

  /** What has queued, without a timer: the oldest job, and those after it that fit into the same run. */
  function takeJobs(): Job[] {
    const jobs: Job[] = []
    let count = 0
    for (const job of waiting) {
      if (jobs.length > 0 && count + job.crops.length > maxBatch) break
      jobs.push(job)
      count += job.crops.length
      waiting.delete(job)
    }
    return jobs
  }

  async function runJobs(jobs: readonly Job[]): Promise<void> {
    const crops = jobs.flatMap((job) => job.crops)
    const pixels = new Uint8Array(crops.length * cropBytes)
    for (const [i, crop] of crops.entries()) pixels.set(crop, i * cropBytes)
    try {
      const logits: Float32Array[] = []
      for (const pool of pools) logits.push(await pool.run(pixels, crops.length))
      let from = 0
      for (const job of jobs) {
        settle(job, logits, from)
        from += job.crops.length
      }
    } catch (error) {
      for (const job of jobs) job.reject(error)
    }
  }

  function settle(job: Job, logits: readonly Float32Array[], from: number): void {
    const scores = job.crops.map((_, i) => {
      const at = 2 * (from + i)
      return joinTeachers(
        logits.map((values) => values[at + 1]! - values[at]!),
        threshold,
      )
    })
    for (const [i, { margins }] of scores.entries()) {
      const teacher = margins.findIndex((margin) => !Number.isFinite(margin))
      if (teacher < 0) continue
      const { id } = pools[teacher]!.model
      const text = `Teacher ${id} gave no finite score for crop ${i} of ${scores.length}; report the crop and the model.`
      job.reject(new PelletlineError('internal', text))
      return
    }
    job.resolve(scores)
  }

  async function drainQueue(): Promise<void> {
    if (running) return
    running = true
    while (waiting.size > 0) await runJobs(takeJobs())
    running = false
    for (const resolve of idleWaiters.splice(0)) resolve()
  }

  return {
    async score(crops, { whenFull, signal }) {
      if (signal?.aborted) throw cancelledError(crops.length)
      if (crops.length === 0) return []
      const before = queued()
      if (whenFull === 'refuse' && before > 0 && before + crops.length > queueLimit) {
        throw new PelletlineError(
          'resource_exhausted',
          `${before} of at most ${queueLimit} crops of callers wait for the teachers and ${crops.length} more do not fit; ` +
            'send them again in a second.',
          { retryAfterMs: 1000 },
        )
      }
      const { promise, resolve, reject } = Promise.withResolvers<EnsembleScore[]>()
      const job: Job = { crops, whenFull, resolve, reject }
      const onAbort = () => {
        waiting.delete(job)
        reject(cancelledError(crops.length))
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      waiting.add(job)
      void drainQueue()
      return promise.finally(() => signal?.removeEventListener('abort', onAbort))
    },
    queued,
    idle() {
      if (!running) return Promise.resolve()
      return new Promise((resolve) => idleWaiters.push(resolve))
    },
  }
}

function cancelledError(count: number): PelletlineError {
  return new PelletlineError('cancelled', `The scoring of ${count} crops was cancelled; send them again if wanted.`)
}
