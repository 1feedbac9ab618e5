import { ModelState } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { cutReason } from '../../shared/errors/cut-reason.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import { listWithin } from '../../shared/onnx/store/list-within.ts'
import { readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { runWithin } from '../../shared/service/run-within.ts'
import { createFaultLog } from '../../shared/telemetry/log-fault.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import type { StudentModels } from './read-student.ts'

/** What is reported of a model that lies in the store. */
export interface StoredStatus {
  readonly model: { readonly id: string; readonly sha256?: string }
  readonly manifestSha256?: string
  readonly state: ModelState
  readonly trust?: string
  /** Why it cannot be taken, cut to what a report takes. */
  readonly reason?: string
}

/** What the store has, as it was last listed. */
export interface StoredModels {
  /** Students only; a model that cannot be read or is not trusted has its reason. Empty before the store is listed, and kept while it cannot be. */
  last(): readonly StoredStatus[]
  /** Resolves once the first listing has been made or given up. */
  readonly looked: Promise<void>
  /** Lists the store over and over until the signal aborts, and ends then. Does not reject. */
  keep(signal: AbortSignal): Promise<void>
}

export interface ListStoredOptions {
  readonly models: Pick<StudentModels, 'store' | 'policy'>
  readonly clock: Clock
  readonly logger: Logger
  /** Pause between two listings, ms. */
  readonly everyMs: number
  /** Told when a listing differs from the one before. */
  readonly onChange: () => void
}

/** Longest reading of a listing with all its manifests, ms. */
const readLimitMs = 30_000

/** Keeps the listing of a store beside the reports, which a store that does not answer must not hold up. */
export function listStored({ models, clock, logger, everyMs, onChange }: ListStoredOptions): StoredModels {
  const { store, policy } = models
  const looked = Promise.withResolvers<void>()
  const faults = createFaultLog(logger, {
    fields: { store: store.place },
    failed: 'the model store cannot be listed; its models are reported as they were last listed',
    mended: 'the model store can be listed again',
  })
  let last: readonly StoredStatus[] = []

  async function readAll(signal: AbortSignal): Promise<readonly StoredStatus[]> {
    const found: StoredStatus[] = []
    for (const id of await listWithin(store, { clock, signal })) {
      try {
        const { manifest, manifestBytes, trust } = await readStoredModel(store, id, policy, signal, true)
        if (manifest.kind !== 'student') continue
        const manifestSha256 = digestOfManifest(manifestBytes)
        found.push({ model: { id, sha256: manifest.sha256 }, manifestSha256, state: ModelState.STORED, trust })
      } catch (reason) {
        if (signal.aborted) throw reason
        const { message } = PelletlineError.from(reason)
        found.push({ model: { id }, state: ModelState.STORED, reason: cutReason(message) })
      }
    }
    return found
  }

  async function listOnce(signal: AbortSignal): Promise<void> {
    const text = `The manifests of ${store.place} were not read within ${readLimitMs} ms; check the network to it.`
    const late = () => new PelletlineError('deadline_exceeded', text)
    try {
      const now = await runWithin(readAll, { ms: readLimitMs, clock, signal, late })
      faults.mended()
      const isChanged = JSON.stringify(now) !== JSON.stringify(last)
      last = now
      if (isChanged) onChange()
    } catch (reason) {
      if (!signal.aborted) faults.failed(PelletlineError.from(reason))
    }
  }

  return {
    last: () => last,
    looked: looked.promise,
    async keep(signal) {
      while (!signal.aborted) {
        await listOnce(signal)
        looked.resolve()
        await clock.sleep(everyMs, signal).catch(() => {})
      }
      looked.resolve()
    },
  }
}
