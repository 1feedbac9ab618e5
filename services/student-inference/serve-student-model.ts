import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropSide } from '../shared/inspection/crop.ts'
import { isAtWork, type PoolState } from '../shared/onnx/inference-pool.ts'
import { describeIntegerInstructions } from '../shared/onnx/integer-instructions.ts'
import { type ModelManifest, precisionOf } from '../shared/onnx/model-manifest.ts'
import { currentSpan } from '../shared/telemetry/current-span.ts'
import type { BatcherStatistics } from './batcher-statistics.ts'
import { packedCrops } from './crop-source.ts'
import type { WarmStudent } from './judge-crops.ts'
import { quote, refuseInput } from './open-inference/check-input.ts'
import type { ModelControl, ServedModel, ServedModelState, ServedModels } from './open-inference/served-models.ts'

/** Name of the student among served models; its versions are the ids of model files. */
export const studentModelName = 'student'

/** Most crops of one request, as in the rules of our own service. */
const maxCropsPerRequest = 4096

/** The student once it is warm, with what its description needs. */
export interface ServedStudent extends WarmStudent {
  readonly manifest: ModelManifest
  readonly statistics: BatcherStatistics
  /** Where its workers stand. */
  state(): PoolState
}

export interface ServeStudentModelOptions {
  /** The student that judges; throws `unavailable` with the expected wait before it is warm and while it drains. */
  readonly student: () => ServedStudent
  /** A student in memory by the id of its model file; undefined where none of that id is ready. */
  readonly find: (id: string) => ServedStudent | undefined
  readonly ready: () => boolean
  /** Where each version stands, for the repository's index; the one that judges comes first. */
  readonly states: () => readonly Omit<ServedModelState, 'name'>[]
  /** Models that lie in the store, with why one cannot be taken; asked for only where there is a `control`. */
  readonly stored?: () => readonly { readonly id: string; readonly reason: string }[]
  /** Absent where callers may not change the models. */
  readonly control?: ModelControl
}

function notFound(what: string, known: string): PelletlineError {
  return new PelletlineError('not_found', `There is no ${what} here; there is ${known}.`)
}

/** Grays of an item as bytes: crops travel so to the workers, also to those of a model that takes floats. */
function graysOf(floats: Float32Array, count: number, { input }: ModelManifest): Uint8Array {
  const grays = new Uint8Array(floats.length)
  for (let i = 0; i < floats.length; i += 1) {
    const value = floats[i]!
    grays[i] = value
    if (grays[i] === value) continue
    const perItem = floats.length / count
    const where = `element ${i % perItem} of item ${Math.floor(i / perItem)}`
    throw refuseInput(`inputs.${input.name}`, `${where} is ${value}; it takes whole grays, 0 to 255, not scaled`)
  }
  return grays
}

function describeStudent(student: ServedStudent, name: string): ServedModel {
  const { batcher, threshold, manifest, sessions, maxBatch, statistics } = student
  const { input, output, id, sha256, classes } = manifest
  return {
    name,
    version: id,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    input: {
      name: input.name,
      datatype: input.dtype === 'float32' ? 'FP32' : 'UINT8',
      itemShape: [1, cropSide, cropSide],
    },
    output: { name: output.name, datatype: 'FP32', itemShape: [classes.length] },
    maxItems: maxCropsPerRequest,
    sessions: sessions.workers,
    onGpu: sessions.provider === 'cuda',
    maxBatch,
    facts: () => ({
      sha256,
      classes: classes.join(','),
      threshold: String(threshold),
      precision: precisionOf(manifest),
      provider: sessions.provider,
      sessions_at_work: String(student.workersAtWork()),
      threads_per_session: String(sessions.threadsPerWorker),
      integer_instructions: describeIntegerInstructions(),
    }),
    ready: () => isAtWork(student.state()),
    async infer(elements, count, options) {
      const crops = elements instanceof Float32Array ? graysOf(elements, count, manifest) : elements
      const { logits } = await batcher.submit(packedCrops(crops), {
        lane: 'rpc',
        trace: currentSpan()?.context,
        ...options,
      })
      const bad = logits.findIndex((value) => !Number.isFinite(value))
      if (bad < 0) return logits
      const which = `crop ${Math.floor(bad / classes.length)} of ${count}`
      throw new PelletlineError(
        'internal',
        `Model ${id} gave no finite score for ${which}; report the crop and the model.`,
      )
    },
    statistics: () => statistics.snapshot(),
  }
}

/**
 * Offers the student under the Open Inference Protocol as the model `student`, with the ids of model files as its versions. Clients that
 * load a model ask for it by the name that they loaded it under, so the id of a model in memory is a name too, with itself as version.
 */
export function serveStudentModel(options: ServeStudentModelOptions): ServedModels {
  const described = new WeakMap<ServedStudent, Map<string, ServedModel>>()

  function describe(student: ServedStudent, name: string): ServedModel {
    const byName = described.get(student) ?? new Map<string, ServedModel>()
    described.set(student, byName)
    const model = byName.get(name) ?? describeStudent(student, name)
    byName.set(name, model)
    return model
  }

  function findVersion(version: string): ServedModel {
    const live = options.student()
    if (version === '' || version === live.manifest.id) return describe(live, studentModelName)
    const other = options.find(version)
    const known = `"${live.manifest.id}"`
    if (other === undefined) throw notFound(`version ${quote(version)} of model "${studentModelName}"`, known)
    return describe(other, studentModelName)
  }

  /** What may be loaded and what has been, each by its id. */
  function repository(): readonly ServedModelState[] {
    const inMemory = options.states().filter(({ version }) => version !== '')
    const stored = (options.stored?.() ?? []).filter(({ id }) => !inMemory.some(({ version }) => version === id))
    return [
      ...inMemory.map((state) => ({ name: state.version, ...state })),
      ...stored.map(({ id, reason }) => ({
        name: id,
        version: id,
        state: 'UNAVAILABLE' as const,
        reason: reason || 'in the store and not loaded',
      })),
    ]
  }

  return {
    ready: options.ready,
    list: () => options.states().map((state) => ({ name: studentModelName, ...state })),
    find(name, version) {
      if (name === studentModelName) return findVersion(version)
      const named = options.find(name)
      if (named === undefined) throw notFound(`model ${quote(name)}`, `"${studentModelName}"`)
      // Throws where no crops are taken.
      options.student()
      if (version === '' || version === name) return describe(named, name)
      throw notFound(`version ${quote(version)} of model ${quote(name)}`, quote(name))
    },
    ...(options.control === undefined ? {} : { control: options.control, repository }),
  }
}
