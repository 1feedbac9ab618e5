import { create } from '@bufbuild/protobuf'
import { type ModelAssignment, ModelAssignmentSchema } from '../../gen/pelletline/registry/v1/models_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { readStoredModel } from '../../shared/onnx/store/load-stored-model.ts'
import { createNotifier } from '../../shared/queue/notifier.ts'
import type { ModelControl } from '../open-inference/served-models.ts'
import type { ModelShelf } from './create-model-shelf.ts'
import type { ModelRegistry } from './follow-assignment.ts'
import type { StudentModels } from './read-student.ts'

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
  let assignment: ModelAssignment = create(ModelAssignmentSchema)

  function follow(held: ModelAssignment['held']): void {
    assignment = create(ModelAssignmentSchema, { generation: assignment.generation + 1n, held })
    shelf().follow(assignment)
  }

  async function until(id: string, signal: AbortSignal): Promise<PelletlineError | undefined> {
    for (;;) {
      const change = changed.changed(signal)
      const entry = shelf()
        .entries()
        .find(({ name }) => name.id === id)
      if (entry?.state === 'ready') return undefined
      if (entry?.state === 'refused') return new PelletlineError('failed_precondition', entry.reason)
      if (signal.aborted) throw PelletlineError.from(signal.reason, 'cancelled')
      await change
    }
  }

  return {
    noteChange: () => changed.notify(),
    async load(id, signal) {
      if (shelf().find(id) !== undefined) return
      const { manifest } = await readStoredModel(models.store, id, models.policy, signal)
      const others = assignment.held.filter((model) => model.id !== id)
      follow([...others, { $typeName: 'pelletline.inspection.v1.ModelRef', id, sha256: manifest.sha256 }])
      const refused = await until(id, signal)
      if (refused === undefined) return
      follow(assignment.held.filter((model) => model.id !== id))
      throw refused
    },
    async unload(id) {
      const kept = assignment.held.filter((model) => model.id !== id)
      if (kept.length === assignment.held.length) {
        const live = shelf().live()?.model.id
        const text = live === id ? `Model ${id} judges; it cannot be unloaded.` : `Model ${id} is not loaded.`
        throw new PelletlineError(live === id ? 'failed_precondition' : 'not_found', text)
      }
      follow(kept)
    },
  }
}
