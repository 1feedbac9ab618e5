import { create } from '@bufbuild/protobuf'
import { type ModelAssignment, ModelAssignmentSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { isAtWork } from '../../shared/onnx/inference-pool.ts'
import { digestOfManifest } from '../../shared/onnx/signing/judge-trust.ts'
import { readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import { createNotifier } from '../../shared/queue/notifier.ts'
import type { ModelControl } from '../open-inference/served-models.ts'
import type { ModelShelf } from './create-model-shelf.ts'
import type { ModelRegistry } from './follow-assignment.ts'
import type { LoadedStudent } from './load-student.ts'
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

/** Control by callers where there is no registry: models are kept ready beside the configured one and asked for by version. */
export function controlAlone(models: StudentModels, shelf: () => ModelShelf): LocalControl {
  const changed = createNotifier()
  /** Callers that wait for a load, by the id of its model. */
  const waiting = new Map<string, number>()
  let assignment: ModelAssignment = create(ModelAssignmentSchema)

  const isHeld = (id: string) => assignment.held.some((model) => model.id === id)

  const hasFailed = (id: string) =>
    shelf()
      .entries()
      .some(({ name, state }) => name.id === id && state === 'failed')

  function follow(held: ModelAssignment['held']): void {
    assignment = create(ModelAssignmentSchema, { generation: assignment.generation + 1n, held })
    shelf().follow(assignment)
  }

  /** The model as it lies in the store now; the configured one, which need not lie there, as its file is. */
  async function describe(id: string, signal: AbortSignal): Promise<DescribedModel> {
    const configured = await models.configured().catch(() => undefined)
    if (configured?.id === id) return configured
    const { manifest, manifestBytes } = await readStoredModel(models.store, id, models.policy, signal)
    return { id, sha256: manifest.sha256, manifestSha256: digestOfManifest(manifestBytes) }
  }

  /** Whether a model in memory is what a load would give; throws where it is not. */
  function requireSame({ model: { id, sha256 }, manifestSha256, state }: LoadedStudent, now: DescribedModel): void {
    if (sha256 !== now.sha256 || manifestSha256 !== now.manifestSha256) {
      const next = isHeld(id)
        ? 'unload it before it is loaded anew'
        : 'restart the student, or load it under another id'
      const text = `Model ${id} in memory is not the one of that id that is stored now (SHA-256 or manifest differ); ${next}.`
      throw new PelletlineError('failed_precondition', text)
    }
    if (isAtWork(state())) return
    const text = `The workers of model ${id} have died; see the log, and restart the student.`
    throw new PelletlineError('unavailable', text)
  }

  function letGo(id: string): void {
    if (isHeld(id)) follow(assignment.held.filter((model) => model.id !== id))
  }

  /** Resolves once a model is ready; rejects with why it is refused, and as soon as it is not wanted any more. */
  async function untilReady(id: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const change = changed.changed(signal)
      const entry = shelf()
        .entries()
        .find(({ name }) => name.id === id)
      if (entry?.state === 'ready') return
      if (entry?.error !== undefined) throw entry.error
      if (signal.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
      if (!isHeld(id)) {
        const text = `Model ${id} was unloaded by another caller while it was being loaded; load it again if it is wanted.`
        throw new PelletlineError('failed_precondition', text)
      }
      await change
    }
  }

  return {
    noteChange: () => changed.notify(),
    async load(id, signal) {
      const { sha256, manifestSha256 } = await describe(id, signal)
      const found = shelf().find(id)
      if (found !== undefined) return requireSame(found, { id, sha256, manifestSha256 })
      waiting.set(id, (waiting.get(id) ?? 0) + 1)
      let isReady = false
      try {
        // A load gives what has failed another chance.
        if (hasFailed(id)) letGo(id)
        if (!isHeld(id)) {
          follow([...assignment.held, { $typeName: 'pelletline.inspection.v1.ModelRef', id, sha256 }])
        }
        await untilReady(id, signal)
        isReady = true
      } finally {
        const others = waiting.get(id)! - 1
        if (others > 0) waiting.set(id, others)
        else waiting.delete(id)
        // Nobody waits for it any more, and nobody was told that it is there.
        if (!isReady && others === 0) letGo(id)
      }
    },
    async unload(id) {
      if (!isHeld(id)) {
        const live = shelf().live()?.model.id
        const text = `Model ${id} judges; it cannot be unloaded.`
        if (live === id) throw new PelletlineError('failed_precondition', text)
        throw new PelletlineError('not_found', `Model ${id} is not loaded.`)
      }
      letGo(id)
      changed.notify()
    },
  }
}
