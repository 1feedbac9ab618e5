import { create } from '@bufbuild/protobuf'
import { ModelRefSchema } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { ModelAssignmentSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { isAtWork } from '../../shared/onnx/inference-pool.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import { readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import { createNotifier } from '../../shared/queue/notifier.ts'
import type { ModelControl } from '../open-inference/served-models.ts'
import type { ModelShelf } from './create-model-shelf.ts'
import type { ModelRegistry } from './follow-assignment.ts'
import type { LoadedStudent } from './load-student.ts'
import { keyOf, type ModelName } from './plan-models.ts'
import type { DescribedModel, StudentModels } from './read-student.ts'

/** Who asked, in the change log. */
const by = 'open-inference'

/** Control by callers where a registry keeps the assignment: every student follows, and the change log has it. */
export function controlByRegistry(registry: ModelRegistry): ModelControl {
  return {
    async load(model, signal) {
      await registry.loadModel({ model, by }, { signal })
    },
    async unload(model, signal) {
      await registry.unloadModel({ model, by }, { signal })
    },
  }
}

/** The control of a student alone, which keeps what callers have loaded for as long as it runs. */
export interface LocalControl extends ModelControl {
  /** To be told of every change on the shelf. */
  noteChange(): void
}

/** A model that callers have asked for and nobody has unloaded. */
interface HeldModel {
  readonly model: ModelName
  /** Callers that wait until it is ready. */
  waiting: number
  /** A caller was told that it is there. */
  isTold: boolean
}

/** Control by callers where there is no registry: models are kept ready beside the configured one and asked for by version. */
export function controlAlone(models: StudentModels, shelf: () => ModelShelf): LocalControl {
  const changed = createNotifier()
  const held = new Map<string, HeldModel>()
  let generation = 0n

  const hasFailed = (id: string) =>
    shelf()
      .entries()
      .some(({ name, state }) => name.id === id && state === 'failed')

  function follow(): void {
    generation += 1n
    const refs = [...held.values()].map(({ model }) => create(ModelRefSchema, model))
    shelf().follow(create(ModelAssignmentSchema, { generation, held: refs }))
  }

  function hold(model: ModelName): HeldModel {
    const entry: HeldModel = { model, waiting: 0, isTold: false }
    held.set(model.id, entry)
    follow()
    return entry
  }

  function letGo(entry: HeldModel): void {
    // Another load of that id may have taken its place.
    if (held.get(entry.model.id) !== entry) return
    held.delete(entry.model.id)
    follow()
  }

  /** The model as it lies in the store now; the configured one, which need not lie there, as its file is. */
  async function describe(id: string, signal: AbortSignal): Promise<DescribedModel> {
    const configured = await models.configured().catch(() => undefined)
    if (configured?.id === id) return configured
    const { manifest, manifestBytes } = await readStoredModel(models.store, id, models.policy, signal)
    return { id, sha256: manifest.sha256, manifestSha256: digestOfManifest(manifestBytes) }
  }

  /** Whether a model in memory is what a load would give; throws where it is not. */
  function requireSame(student: LoadedStudent, now: DescribedModel): void {
    const { id } = student.model
    if (!isSame(student, now)) {
      const next = held.has(id)
        ? 'unload it before it is loaded anew'
        : 'restart the student, or load it under another id'
      const text = `Model ${id} in memory is not the one of that id that is stored now (SHA-256 or manifest differ); ${next}.`
      throw new PelletlineError('failed_precondition', text)
    }
    if (isAtWork(student.state())) return
    const text = `The workers of model ${id} have died; see the log, and restart the student.`
    throw new PelletlineError('unavailable', text)
  }

  /** Resolves once a model is ready; rejects with why it is refused, and as soon as it is not wanted any more. */
  async function untilReady(entry: HeldModel, signal: AbortSignal): Promise<LoadedStudent> {
    const { id } = entry.model
    const key = keyOf(entry.model)
    for (;;) {
      const change = changed.changed(signal)
      // One of other weights may still be ending under the same id.
      const found = shelf()
        .entries()
        .find(({ name }) => keyOf(name) === key)
      if (found?.state === 'ready') return found.student!
      if (found?.error !== undefined) throw found.error
      if (signal.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
      if (held.get(id) !== entry) {
        const text = `Model ${id} was unloaded by another caller while it was being loaded; load it again if it is wanted.`
        throw new PelletlineError('failed_precondition', text)
      }
      await change
    }
  }

  return {
    noteChange: () => changed.notify(),
    async load(id, signal) {
      const stored = await describe(id, signal)
      const found = shelf().find(id)
      const before = held.get(id)
      if (found !== undefined) {
        requireSame(found, stored)
        if (before !== undefined) before.isTold = true
        return
      }
      // A load gives what has failed another chance.
      if (before !== undefined && hasFailed(id)) letGo(before)
      const entry = held.get(id) ?? hold({ id, sha256: stored.sha256 })
      if (entry.model.sha256 !== stored.sha256) {
        const text = `Model ${id} is being loaded for another caller, with other weights than this load found in the store (SHA-256 differs); unload it before it is loaded anew.`
        throw new PelletlineError('failed_precondition', text)
      }
      entry.waiting += 1
      try {
        const student = await untilReady(entry, signal)
        // Its manifest may have been read after the first look of this load, or before it where another caller began.
        requireSame(student, isSame(student, stored) ? stored : await describe(id, signal))
        entry.isTold = true
      } finally {
        entry.waiting -= 1
        // Nobody waits for it any more, and nobody was told that it is there.
        if (entry.waiting === 0 && !entry.isTold) letGo(entry)
      }
    },
    async unload(id) {
      const entry = held.get(id)
      if (entry === undefined) {
        const live = shelf().live()?.model.id
        const text = `Model ${id} judges; it cannot be unloaded.`
        if (live === id) throw new PelletlineError('failed_precondition', text)
        throw new PelletlineError('not_found', `Model ${id} is not loaded.`)
      }
      letGo(entry)
      changed.notify()
    },
  }
}

function isSame({ model, manifestSha256 }: LoadedStudent, now: DescribedModel): boolean {
  return model.sha256 === now.sha256 && manifestSha256 === now.manifestSha256
}
