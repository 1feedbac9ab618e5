import type { MessageInitShape } from '@bufbuild/protobuf'
import { ModelState, type ModelStatusSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import { readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import type { Logger } from '../../shared/telemetry/logger.ts'
import type { ShadowComparison } from './compare-shadow.ts'
import type { ModelShelf, ShelfEntry } from './create-model-shelf.ts'
import type { ModelReport } from './follow-assignment.ts'
import type { HeldState } from './plan-models.ts'
import type { StudentModels } from './read-student.ts'

type Status = MessageInitShape<typeof ModelStatusSchema>

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
    reason,
    trust: student?.trust ?? '',
    loadMs: student?.loadMs ?? 0,
    manifestSha256: student?.manifestSha256 ?? '',
    judged: BigInt(student?.judged.crops ?? 0),
    ...(shadow === undefined ? {} : { shadow: shadowMessage(shadow) }),
  }
}

/** What the store has and memory has not; a manifest that cannot be read is told with its reason. Teachers are left out. */
async function storedMessages({ store, policy, configured }: StudentModels, inMemory: ReadonlySet<string>) {
  const found: Status[] = []
  // The configured model need not lie in the store.
  const own = await configured().catch(() => undefined)
  if (own !== undefined && !inMemory.has(own.id)) {
    const { id, sha256, manifestSha256 } = own
    found.push({ model: { id, sha256 }, manifestSha256, state: ModelState.STORED, trust: 'configured' })
  }
  for (const id of await store.list()) {
    if (inMemory.has(id) || id === own?.id) continue
    try {
      const { manifest, manifestBytes, trust } = await readStoredModel(store, id, policy, undefined, true)
      if (manifest.kind !== 'student') continue
      const manifestSha256 = digestOfManifest(manifestBytes)
      found.push({ model: { id, sha256: manifest.sha256 }, manifestSha256, state: ModelState.STORED, trust })
    } catch (error) {
      found.push({ model: { id }, state: ModelState.STORED, reason: PelletlineError.from(error).message })
    }
  }
  return found
}

/** What a student reports of its models: those in memory first, then those of its store. */
export async function describeShelf(shelf: ModelShelf, models: StudentModels, logger: Logger): Promise<ModelReport> {
  const entries = shelf.entries()
  const inMemory = new Set(entries.map(({ name }) => name.id))
  const stored = await storedMessages(models, inMemory).catch((reason) => {
    logger.warn(
      { store: models.store.place },
      `the model store cannot be listed: ${PelletlineError.from(reason).message}`,
    )
    return []
  })
  const live = shelf.live()
  return {
    generation: shelf.generation,
    ...(live === undefined ? {} : { live: live.model }),
    models: [...entries.map(entryMessage), ...stored].slice(0, 1024),
  }
}
