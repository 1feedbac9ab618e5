import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { maxPelletsPerPart } from '../../shared/bus/topics.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { isAtWork, type PoolState } from '../../shared/onnx/inference-pool.ts'
import type { LoadedModel } from '../../shared/onnx/load-model.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { withinTime } from '../../shared/service/within-time.ts'
import { createBatcherStatistics } from '../batcher-statistics.ts'
import type { StudentInferenceOptions } from '../config.ts'
import { type CropBatcherOptions, createCropBatcher } from '../crop-batcher.ts'
import { type CropExplainer, createCropExplainer } from '../explain-crops.ts'
import type { JudgingRecorder } from '../record-judging.ts'
import type { ServedStudent } from '../serve-student-model.ts'
import type { PoolOpener } from '../sessions/create-pool-opener.ts'

/** A model in memory, warm. */
export interface LoadedStudent extends ServedStudent {
  readonly explainer: CropExplainer
  /** Why its file is trusted. */
  readonly trust: string
  /** SHA-256 of its manifest. */
  readonly manifestSha256: string
  /** Load, checks and warm-up took this long, ms. */
  readonly loadMs: number
  /** Crops of the bus that it has judged. */
  readonly judged: { crops: number }
  /** Finishes what it has within `timeoutMs` and until the signal aborts, then ends its workers. */
  close(timeoutMs: number, signal?: AbortSignal): Promise<void>
}

/** A model file with why it is trusted. */
export interface TrustedModel extends LoadedModel {
  /** Path or address, for messages. */
  readonly source: string
  readonly trust: string
}

export interface LoadStudentOptions {
  readonly read: (signal: AbortSignal) => Promise<TrustedModel>
  /** The model as it is called in messages. */
  readonly name: string
  readonly options: StudentInferenceOptions
  /** Knows in how many sessions models run. */
  readonly opener: PoolOpener
  readonly clock: Clock
  /** Told of every run of the network; nobody is where absent. */
  readonly record?: JudgingRecorder
  readonly onWorkerDeath: (error: PelletlineError, state: PoolState) => void
  readonly onWorkerReturn?: (state: PoolState) => void
  readonly signal: AbortSignal
}

/** Longest wait for the explainer's thread to end, ms. */
const explainerEndMs = 1_000

/** Crops of the bus that may wait: those of the messages in hand. */
export function busLimitOf({ maxMessagesInFlight }: Pick<StudentInferenceOptions, 'maxMessagesInFlight'>): number {
  return maxMessagesInFlight * maxPelletsPerPart
}

/**
 * Crops that may be queued for one model: those of single calls, as many of streams, and, where there is a bus, those of the messages in
 * hand.
 */
export function queueLimitOf(
  options: Pick<StudentInferenceOptions, 'queueLimit' | 'maxMessagesInFlight'>,
  hasBus: boolean,
): number {
  return 2 * options.queueLimit + (hasBus ? busLimitOf(options) : 0)
}

/**
 * Reads a model, checks it and warms it up: digest, shape, finite and batch-independent answers to the warm-up crops, then the
 * cost of each batch size. Rejects with what is wrong, and with `deadline_exceeded` where it takes longer than
 * `models.loadLimitMs`; nothing is left of it then.
 */
export async function loadStudent(load: LoadStudentOptions): Promise<LoadedStudent> {
  const { name, options, clock } = load
  const { loadLimitMs } = options.models
  const limit = AbortSignal.timeout(loadLimitMs)
  const signal = AbortSignal.any([load.signal, limit])
  const beganNs = clock.nowNs()
  try {
    const trusted = await load.read(signal)
    const { source: modelPath } = trusted
    const { maxBatch } = options
    const { onWorkerDeath, onWorkerReturn } = load
    const { pool, curve, sessions } = await load.opener.open({
      modelPath,
      loaded: trusted,
      maxBatch,
      signal,
      onWorkerDeath,
      ...(onWorkerReturn !== undefined && { onWorkerReturn }),
    })
    try {
      const { id, sha256, threshold } = pool.model
      const explainer = createCropExplainer({
        modelPath,
        read: () => load.read(AbortSignal.timeout(loadLimitMs)),
        queueLimit: options.explainQueueLimit,
        clock,
      })
      const statistics = createBatcherStatistics(clock)
      const limits = { rpc: options.queueLimit, bus: busLimitOf(options) }
      const onRun: CropBatcherOptions['onRun'] = (run) => {
        statistics.onRun(run)
        load.record?.batch(id, run)
      }
      const onWait: CropBatcherOptions['onWait'] = (...waited) => load.record?.wait(id, ...waited)
      const batcher = statistics.count(createCropBatcher({ pool, clock, limits, curve, onRun, onWait }))
      return {
        batcher,
        model: create(ModelRefSchema, { id, sha256 }),
        threshold,
        manifest: pool.model,
        sessions,
        maxBatch: pool.maxBatch,
        statistics,
        explainer,
        trust: trusted.trust,
        manifestSha256: digestOfManifest(trusted.manifestBytes),
        loadMs: Number((clock.nowNs() - beganNs) / 1_000_000n),
        state: () => pool.state(),
        workersAtWork: () => (isAtWork(pool.state()) ? pool.workers : 0),
        judged: { crops: 0 },
        async close(timeoutMs, signal) {
          const idle = Promise.all([batcher.idle(), explainer.idle()])
          await withinTime(signal === undefined ? idle : Promise.race([idle, aborted(signal)]), timeoutMs, clock)
          // A native call of the explainer cannot be interrupted; nobody waits for it.
          await withinTime(explainer.close(), explainerEndMs, clock)
          await pool.close()
        },
      }
    } catch (error) {
      await pool.close()
      throw error
    }
  } catch (cause) {
    if (!limit.aborted || load.signal.aborted) throw cause
    throw new PelletlineError(
      'deadline_exceeded',
      `${name} was not warm within ${loadLimitMs} ms; give a smaller model, or raise models.loadLimitMs.`,
      { cause },
    )
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
