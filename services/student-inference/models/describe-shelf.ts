import { create, type Message, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { ModelState, ModelStatusSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { cutReason } from '../../shared/errors/cut-reason.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { withinTime } from '../../shared/service/within-time.ts'
import type { ShadowComparison } from './compare-shadow.ts'
import type { ModelShelf, ShelfEntry } from './create-model-shelf.ts'
import type { ModelReport } from './follow-assignment.ts'
import type { StoredModels, StoredStatus } from './list-stored.ts'
import type { HeldState } from './plan-models.ts'
import type { StudentModels } from './read-student.ts'

type Status = Exclude<MessageInitShape<typeof ModelStatusSchema>, Message>

/** Longest wait of the first report for the first listing of the store, ms. */
const firstListingMs = 1_000

/** Most models of a report, and their most bytes: the reports of all students go into one answer of at most 4 MiB. */
const maxModels = 1024
const maxReportBytes = 262_144

const stateNumbers = {
  loading: ModelState.LOADING,
  ready: ModelState.READY,
  refused: ModelState.REFUSED,
  retiring: ModelState.RETIRING,
  failed: ModelState.FAILED,
} as const satisfies Record<HeldState, ModelState>

function shadowMessage(shadow: ShadowComparison): NonNullable<Status['shadow']> {
  const { compared, skipped, okToNg, ngToOk, ...differences } = shadow
  return {
    compared: BigInt(compared),
    skipped: BigInt(skipped),
    okToNg: BigInt(okToNg),
    ngToOk: BigInt(ngToOk),
    ...differences,
  }
}

function entryMessage({ name, state, reason, student, shadow }: ShelfEntry): Status {
  return {
    model: name,
    state: stateNumbers[state],
    reason: cutReason(reason),
    trust: student?.trust ?? '',
    loadMs: student?.loadMs ?? 0,
    manifestSha256: student?.manifestSha256 ?? '',
    judged: BigInt(student?.judged.crops ?? 0),
    ...(shadow === undefined ? {} : { shadow: shadowMessage(shadow) }),
  }
}

/** The configured model, which need not lie in the store; undefined where its manifest cannot be read. */
async function configuredMessage({ configured }: StudentModels): Promise<StoredStatus | undefined> {
  const own = await configured().catch(() => undefined)
  if (own === undefined) return undefined
  const { id, sha256, manifestSha256 } = own
  return { model: { id, sha256 }, manifestSha256, state: ModelState.STORED, trust: 'configured' }
}

/** As many of the models as a report has room for, the first ones first. */
function fitReport(models: readonly Status[]): Pick<ModelReport, 'models' | 'leftOut'> {
  const taken: Status[] = []
  let bytes = 0
  for (const model of models) {
    bytes += toBinary(ModelStatusSchema, create(ModelStatusSchema, model)).length
    if (taken.length === maxModels || bytes > maxReportBytes) break
    taken.push(model)
  }
  return { models: taken, leftOut: models.length - taken.length }
}

export interface DescribeShelfOptions {
  readonly shelf: ModelShelf
  readonly models: StudentModels
  readonly stored: Pick<StoredModels, 'last' | 'looked'>
  readonly clock: Pick<Clock, 'sleep'>
}

/**
 * What a student reports of its models: those in memory first, then those that its store had when it was last listed, of these the ones
 * that can be taken first; where there are too many, how many are left out. Waits only for the first listing, and for that no longer
 * than a moment.
 */
export async function describeShelf({ shelf, models, stored, clock }: DescribeShelfOptions): Promise<ModelReport> {
  await withinTime(stored.looked, firstListingMs, clock)
  const configured = await configuredMessage(models)
  // From here on nothing is waited for: who judges and what is in memory are of one moment.
  const entries = shelf.entries()
  const inMemory = new Set(entries.map(({ name }) => name.id))
  const others = stored.last().filter(({ model }) => model.id !== configured?.model.id)
  const canBeTaken = ({ reason }: StoredStatus) => reason === undefined
  const inOrder = [...others.filter(canBeTaken), ...others.filter((status) => !canBeTaken(status))]
  const inStore = [...(configured === undefined ? [] : [configured]), ...inOrder]
  const live = shelf.live()
  return {
    generation: shelf.generation,
    ...(live === undefined ? {} : { live: live.model }),
    ...fitReport([...entries.map(entryMessage), ...inStore.filter(({ model }) => !inMemory.has(model.id))]),
  }
}
