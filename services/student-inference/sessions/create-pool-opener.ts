import { availableParallelism } from 'node:os'
import { createInferencePool, type InferencePool, type InferencePoolOptions } from '../../shared/onnx/inference-pool.ts'
import type { InferenceProvider } from '../../shared/onnx/inference-provider.ts'
import type { CostCurve } from '../batching/cost-curve.ts'
import { measureCurve } from '../batching/measure-curve.ts'
import type { StudentInferenceOptions } from '../config.ts'
import {
  chooseSessions,
  defaultShape,
  type MeasuredSessions,
  type SessionShape,
  sessionCandidates,
} from './choose-sessions.ts'
import { measureSessions } from './measure-sessions.ts'

/** Sessions of a model, and what was measured to choose them. */
export interface SessionsInUse extends SessionShape {
  readonly provider: InferenceProvider
  /** The default first; empty where they were configured or there was no choice. */
  readonly measured: readonly MeasuredSessions[]
}

/** A model in worker threads, with what its batches cost. */
export interface OpenedPool {
  readonly pool: InferencePool
  readonly curve: CostCurve
  readonly sessions: SessionsInUse
}

/** What is known of a model before its sessions are chosen. */
export type PoolModel = Pick<
  InferencePoolOptions,
  'modelPath' | 'loaded' | 'maxBatch' | 'onWorkerDeath' | 'onWorkerReturn' | 'signal'
>

/** Opens models in the sessions that are configured or else measured. */
export interface PoolOpener {
  /**
   * Loads and warms a model. Where nothing is configured, the first one is loaded in each shape that the cores allow, all are
   * measured, and what is chosen holds for every later model too, which warms its workers in turn. Rejects as `createInferencePool`
   * does; nothing is left then.
   */
  open(model: PoolModel): Promise<OpenedPool>
}

export interface PoolOpenerOptions {
  readonly options: Pick<StudentInferenceOptions, 'workers' | 'threadsPerWorker' | 'provider'>
  /** Cores that may be used; default those of the process: its affinity and its cgroup's CPU limit count. */
  readonly cores?: number
  readonly nowMs?: () => number
  readonly createPool?: typeof createInferencePool
}

/** The sessions that are configured; undefined where they are to be measured. One session feeds a GPU. */
export function configuredShape(
  { workers, threadsPerWorker, provider }: PoolOpenerOptions['options'],
  cores: number = availableParallelism(),
): SessionShape | undefined {
  if (workers === undefined && threadsPerWorker === undefined && provider === 'cpu') return undefined
  const byDefault = provider === 'cpu' ? defaultShape(cores).workers : 1
  return { workers: workers ?? byDefault, threadsPerWorker: threadsPerWorker ?? 1 }
}

/** Creates an opener that has measured nothing. */
export function createPoolOpener(setUp: PoolOpenerOptions): PoolOpener {
  const { options, cores = availableParallelism(), nowMs = () => performance.now() } = setUp
  const { createPool = createInferencePool } = setUp
  const { provider } = options
  const configured = configuredShape(options, cores)
  let kept: SessionsInUse | undefined = configured && { ...configured, provider, measured: [] }
  let anyOpened = false

  async function openOne(model: PoolModel, sessions: SessionsInUse): Promise<OpenedPool> {
    const { workers, threadsPerWorker } = sessions
    // A model that comes later is loaded beside one that judges, which should not wait for all of its workers at once.
    const warmUp = anyOpened ? 'inTurn' : 'together'
    const pool = await createPool({ ...model, provider, workers, threadsPerWorker, warmUp })
    try {
      const curve = await measureCurve(pool, model.signal)
      return { pool, curve, sessions }
    } catch (error) {
      await pool.close(0)
      throw error
    }
  }

  async function openBest(model: PoolModel, candidates: readonly SessionShape[]): Promise<OpenedPool> {
    const opened: OpenedPool[] = []
    let best: OpenedPool | undefined
    try {
      for (const shape of candidates) opened.push(await openOne(model, { ...shape, provider, measured: [] }))
      // What a pool can do shows under load, when batches are as large as they get.
      const batch = opened[0]!.pool.maxBatch
      const shaped = opened.map(({ pool, sessions, curve }) => ({
        pool,
        shape: shapeOf(sessions),
        loneMs: curve.costMs(1),
      }))
      const measured = await measureSessions(shaped, { batch, nowMs, signal: model.signal })
      const chosen = opened[chooseSessions(measured)]!
      best = { ...chosen, sessions: { ...chosen.sessions, measured } }
      return best
    } finally {
      const over = opened.filter(({ pool }) => pool !== best?.pool)
      await Promise.all(over.map(({ pool }) => pool.close()))
    }
  }

  async function openFirst(model: PoolModel): Promise<OpenedPool> {
    const candidates = sessionCandidates(cores)
    if (candidates.length > 1) return openBest(model, candidates)
    return openOne(model, { ...candidates[0]!, provider, measured: [] })
  }

  return {
    async open(model) {
      const opened = kept === undefined ? await openFirst(model) : await openOne(model, kept)
      kept = opened.sessions
      anyOpened = true
      return opened
    },
  }
}

function shapeOf({ workers, threadsPerWorker }: SessionShape): SessionShape {
  return { workers, threadsPerWorker }
}
