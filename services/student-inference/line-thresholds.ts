import type { Line, RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { patientFactor, type WhenFull } from './crop-batcher.ts'
import { orCancelled } from './or-cancelled.ts'

export interface LineThresholdsOptions {
  readonly registry: Pick<ServiceClient<typeof RegistryService>, 'listLines'>
  readonly clock: Pick<Clock, 'nowNs'>
  /** Patience with the registry, ms. */
  readonly timeoutMs: number
  /** Crops of those who would rather be refused that may wait for the registry; `patientFactor` times as many of the others. */
  readonly waitingLimit: number
}

/** Who waits where the registry has to be asked. */
export interface LineCaller {
  /** Crops that are held meanwhile. */
  readonly crops: number
  readonly whenFull: WhenFull
  readonly signal: AbortSignal
}

/** Thresholds on the margin by line. */
export interface LineThresholds {
  /**
   * The threshold of the recipe in force on the line; undefined where that recipe has none. Rejects with `not_found` for a line
   * that the registry does not know, `failed_precondition` where there is no registry, `unavailable` where it does not answer,
   * `resource_exhausted` where too many crops wait for it, and `cancelled` on abort.
   */
  of(line: string, caller: LineCaller): Promise<number | undefined>
}

/** How long the registry's answer holds, counted from when it was asked, ns. */
const freshNs = 1_000_000_000n

/** Lines that a refusal names. */
const namedLines = 20

/** How long a failure of the registry is told to those who come after it, without asking anew, ns. */
const failedNs = 250_000_000n

interface Question {
  readonly askedNs: bigint
  readonly answer: Promise<Answer>
}

interface Answer {
  readonly askedNs: bigint
  readonly thresholds: ReadonlyMap<string, number | undefined>
}

/**
 * Asks the registry for all lines at once and holds its answer for true for a second, counted from the question, on which whoever comes
 * within that second waits too. So a change takes effect within that time and needs no restart, and callers cost a registry that answers one
 * question a second, however many lines they name. While one does not answer it is asked anew each second, so that at most as many
 * questions are open as `timeoutMs` has seconds, and one more; a failure holds for 250 ms. A watch of each line would hear of a change
 * sooner, but it makes every line known that a caller misspells, and needs a bound on how many are watched. What is kept is one
 * number for each line that the registry has, which has a bound on them. Beyond the second nothing old is used, since nobody
 * could tell by an answer that it was judged by a recipe that has been replaced.
 */
export function createLineThresholds(options: LineThresholdsOptions): LineThresholds {
  const { registry, clock, timeoutMs, waitingLimit } = options
  const limits: Readonly<Record<WhenFull, number>> = { refuse: waitingLimit, wait: patientFactor * waitingLimit }
  const waiting: Record<WhenFull, number> = { refuse: 0, wait: 0 }
  let known: Answer | undefined
  /** The newest question that is open. */
  let asking: Question | undefined
  let failed: { readonly endedNs: bigint; readonly error: PelletlineError } | undefined

  async function ask(askedNs: bigint): Promise<Answer> {
    try {
      const { lines } = await registry.listLines({}, { timeoutMs })
      const answer = { askedNs, thresholds: thresholdsOf(lines) }
      // An older question may be answered after a newer one.
      if (known === undefined || known.askedNs < askedNs) known = answer
      return answer
    } catch (reason) {
      const error = notAnswered(PelletlineError.from(reason, 'unavailable'))
      failed = { endedNs: clock.nowNs(), error }
      throw error
    } finally {
      if (asking?.askedNs === askedNs) asking = undefined
    }
  }

  /** The answer to a question that is younger than a second: one that is open, or a new one. */
  function answerFrom(nowNs: bigint): Promise<Answer> {
    if (asking !== undefined && nowNs - asking.askedNs < freshNs) return asking.answer
    if (failed !== undefined && nowNs - failed.endedNs < failedNs) throw failed.error
    asking = { askedNs: nowNs, answer: ask(nowNs) }
    return asking.answer
  }

  async function askOnce({ crops, whenFull, signal }: LineCaller): Promise<Answer> {
    const held = waiting[whenFull]
    if (held > 0 && held + crops > limits[whenFull]) throw tooMany(crops, held, limits[whenFull])
    waiting[whenFull] += crops
    try {
      return await orCancelled(answerFrom(clock.nowNs()), signal, 'The wait for the registry was cancelled.')
    } finally {
      waiting[whenFull] -= crops
    }
  }

  return {
    async of(line, caller) {
      const isFresh = known !== undefined && clock.nowNs() - known.askedNs < freshNs
      const { thresholds } = isFresh ? known! : await askOnce(caller)
      if (!thresholds.has(line)) throw unknownLine(line, [...thresholds.keys()])
      return thresholds.get(line)
    },
  }
}

/** Refuses every line: for a student that was given no registry. */
export const noLineThresholds: LineThresholds = {
  async of(line) {
    throw new PelletlineError(
      'failed_precondition',
      `This student knows no registry, so it cannot tell the recipe of line ${line}: give a threshold instead, ` +
        'or serve it with a bus (bus.kind: kafka) and the address of its registry (registryAddress).',
    )
  },
}

function thresholdsOf(lines: readonly Line[]): ReadonlyMap<string, number | undefined> {
  const withRecipe = lines.filter(({ assignment }) => assignment?.recipe !== undefined)
  return new Map(withRecipe.map(({ id, assignment }) => [id, assignment!.recipe!.ngThreshold]))
}

function unknownLine(line: string, lines: readonly string[]): PelletlineError {
  const named = lines.toSorted().slice(0, namedLines).join(', ')
  const more = lines.length > namedLines ? ` and ${lines.length - namedLines} more` : ''
  const known = lines.length === 0 ? 'no line is known yet' : `there is ${named}${more}`
  const text = `There is no line ${line} here; ${known}. A line is known once its camera has connected.`
  return new PelletlineError('not_found', text)
}

function notAnswered(cause: PelletlineError): PelletlineError {
  const text = `The recipes in force could not be read from the registry (${cause.message}); send the crops again, or with a threshold instead of a line.`
  return new PelletlineError('unavailable', text, { cause, retryAfterMs: cause.retryAfterMs ?? 1000 })
}

function tooMany(crops: number, held: number, limit: number): PelletlineError {
  const retryAfterMs = 250
  const text = `${held} of at most ${limit} crops wait for the registry's answer and ${crops} more do not fit; send them again in ${retryAfterMs} ms.`
  return new PelletlineError('resource_exhausted', text, { retryAfterMs })
}
