import type { ModelRef } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Clock } from '../service/clock.ts'
import { runWithin } from '../service/run-within.ts'
import { withinTime } from '../service/within-time.ts'
import { createFaultLog } from '../telemetry/log-fault.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ManifestSource } from './manifest-source.ts'
import type { ManifestFile } from './model-manifest.ts'

/** Error rates of a model at one threshold, as counts of the test part in its manifest. */
export interface ModelCalibration {
  /** NG crops called NG. */
  readonly sensitivity: { readonly successes: number; readonly trials: number }
  /** OK crops called NG. */
  readonly falseNg: { readonly successes: number; readonly trials: number }
}

/** What is known of a model at a threshold. */
export interface FoundCalibration {
  /** Undefined where no manifest of these weights has test metrics at this threshold: a correction from another one would be wrong. */
  readonly calibration: ModelCalibration | undefined
  /** Whether there is a manifest of this very model, by id and weights. */
  readonly hasModel: boolean
}

/** Calibrations of the models of one source. */
export interface ManifestCalibration {
  /**
   * Reads all manifests for the first time, and waits for that no longer than 2 s. Rejects where somebody must mend something:
   * a manifest that was named is missing or broken, or the source refuses to be listed; with `cancelled` on abort. A source that
   * does not answer is logged and asked again later.
   */
  open(): Promise<void>
  /**
   * Looks a model up. Where no manifest fits, what is new or has changed is read first, as long as the last reading is some
   * seconds old, and one that takes longer than a moment, or has failed before, is not waited for. Does not reject.
   */
  find(model: ModelRef, threshold: number): Promise<FoundCalibration>
}

export interface ManifestCalibrationOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Ends readings; what has been read is still found. */
  readonly signal: AbortSignal
}

/** Thresholds are float32 on the wire and float64 in the manifest. */
const thresholdTolerance = 1e-4
/** Manifests of a store that are read at once. */
const readAtOnce = 8
/** How long what a reading did not find, or its failure, is taken to hold, ms. */
const missMs = 5_000
/** Longest wait of a start for the first reading, ms. */
const openLimitMs = 2_000
/** Longest reading, ms. */
const readLimitMs = 30_000
/** Longest wait of a look-up for a reading, ms. */
const patienceMs = 1_000

/** Creates a look-up of calibrations that has read nothing. */
export function createManifestCalibration(
  source: ManifestSource,
  { clock, logger, signal }: ManifestCalibrationOptions,
): ManifestCalibration {
  const known = new Map<string, ManifestFile>()
  const faults = createFaultLog(logger, {
    fields: { models: source.place },
    failed: 'manifests of models cannot be read; lots that such a model judged have no corrected share of NG',
    mended: 'manifests of models can be read again',
  })
  let isOpen = false
  let isFailing = false
  let readAtMs: number | undefined
  let waited: Promise<unknown> | undefined

  /** Reads what is new or has changed; resolves with the first manifest that is no good. */
  async function readAll(stop: AbortSignal): Promise<PelletlineError | undefined> {
    let fault: PelletlineError | undefined
    const readOne = async (name: string) => {
      try {
        known.set(name, await source.read(name, stop, known.get(name)))
      } catch (reason) {
        const error = PelletlineError.from(reason)
        if (isPassing(error)) throw error
        known.delete(name)
        // In a store a manifest may come after its model.
        if (source.isNamed || error.code !== 'not_found') fault ??= error
      }
    }
    const names = await source.list(stop)
    for (let from = 0; from < names.length; from += readAtOnce) {
      await Promise.all(names.slice(from, from + readAtOnce).map(readOne))
    }
    const listed = new Set(names)
    for (const name of known.keys()) if (!listed.has(name)) known.delete(name)
    return fault
  }

  /** One reading; rejects with what ends a start. */
  async function readOnce(): Promise<void> {
    const text = `${source.place} was not read within ${readLimitMs} ms; check that it runs, and the network to it.`
    const late = () => new PelletlineError('deadline_exceeded', text)
    try {
      const fault = await runWithin(readAll, { ms: readLimitMs, clock, signal, late })
      isFailing = false
      if (fault === undefined) return faults.mended()
      if (!isOpen && source.isNamed) throw fault
      faults.failed(fault)
    } catch (reason) {
      if (signal.aborted) return
      const error = PelletlineError.from(reason)
      if (!isOpen && !isPassing(error)) throw error
      isFailing = true
      faults.failed(error)
    }
  }

  function begin(): Promise<void> {
    const reading = readOnce().finally(() => {
      readAtMs = clock.now()
      waited = undefined
    })
    const soon: Promise<unknown> = isFailing ? Promise.resolve() : withinTime(reading, patienceMs, clock)
    waited = soon.catch(() => undefined)
    return reading
  }

  async function refresh(): Promise<void> {
    const isRecent = readAtMs !== undefined && Math.abs(clock.now() - readAtMs) < missMs
    if (waited === undefined && !isRecent && !signal.aborted) void begin()
    await waited
  }

  function look({ id, sha256 }: ModelRef, threshold: number): FoundCalibration {
    const candidates = [...known.values()].map(({ manifest }) => manifest).filter((one) => one.sha256 === sha256)
    // Two models may share their weights and differ in the threshold.
    const tests = candidates.map(({ metrics }) => metrics.test)
    const test = tests.find((one) => one !== undefined && isAt(one.threshold, threshold))
    const hasModel = candidates.some((one) => one.id === id)
    if (test === undefined) return { calibration: undefined, hasModel }
    const { okAsOk, okAsNg, ngAsOk, ngAsNg } = test.confusion
    const calibration = {
      sensitivity: { successes: ngAsNg, trials: ngAsNg + ngAsOk },
      falseNg: { successes: okAsNg, trials: okAsNg + okAsOk },
    }
    return { calibration, hasModel }
  }

  return {
    async open() {
      await withinTime(begin(), openLimitMs, clock)
      if (signal.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
      isOpen = true
    },
    async find(model, threshold) {
      const found = look(model, threshold)
      if (found.calibration !== undefined) return found
      await refresh()
      return look(model, threshold)
    },
  }
}

/** Whether the same reading may succeed later although nobody mends anything. */
function isPassing({ code, retryable }: PelletlineError): boolean {
  return retryable || code === 'deadline_exceeded' || code === 'cancelled'
}

function isAt(measured: number, threshold: number): boolean {
  return Math.abs(measured - threshold) <= thresholdTolerance
}
