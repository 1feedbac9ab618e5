import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropSide } from '../shared/inspection/crop.ts'
import { describeIntegerInstructions } from '../shared/onnx/integer-instructions.ts'
import { type ModelManifest, precisionOf } from '../shared/onnx/model-manifest.ts'
import type { BatcherStatistics } from './batcher-statistics.ts'
import type { WarmStudent } from './classify-service.ts'
import { packedCrops } from './crop-source.ts'
import { quote } from './open-inference/check-input.ts'
import type { ModelControl, ServedModel, ServedModelState, ServedModels } from './open-inference/served-models.ts'

/** Name of the student among served models; its versions are the ids of model files. */
export const studentModelName = 'student'

/** Most crops of one request, as in the rules of our own service. */
const maxCropsPerRequest = 4096

/** The student once it is warm, with what its description needs. */
export interface ServedStudent extends WarmStudent {
  readonly manifest: ModelManifest
  readonly maxBatch: number
  readonly statistics: BatcherStatistics
}

export interface ServeStudentModelOptions {
  /** The student that judges; throws `unavailable` with the expected wait before it is warm and while it drains. */
  readonly student: () => ServedStudent
  /** A student in memory by the id of its model file; undefined where none of that id is ready. */
  readonly find: (id: string) => ServedStudent | undefined
  readonly ready: () => boolean
  /** Where each version stands, for the repository's index; the one that judges comes first. */
  readonly states: () => readonly Omit<ServedModelState, 'name'>[]
  /** Absent where callers may not change the models. */
  readonly control?: ModelControl
}

function notFound(what: string, known: string): PelletlineError {
  return new PelletlineError('not_found', `There is no ${what} here; there is ${known}.`)
}

function describeStudent(student: ServedStudent, ready: () => boolean): ServedModel {
  const { batcher, threshold, manifest, sessions, maxBatch, statistics } = student
  const { input, output, id, sha256, classes } = manifest
  return {
    name: studentModelName,
    version: id,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    input: { name: input.name, datatype: 'UINT8', itemShape: [1, cropSide, cropSide] },
    output: { name: output.name, datatype: 'FP32', itemShape: [classes.length] },
    maxItems: maxCropsPerRequest,
    sessions: sessions.workers,
    onGpu: sessions.provider === 'cuda',
    maxBatch,
    facts: {
      sha256,
      classes: classes.join(','),
      threshold: String(threshold),
      precision: precisionOf(manifest),
      provider: sessions.provider,
      threads_per_session: String(sessions.threadsPerWorker),
      integer_instructions: describeIntegerInstructions(),
    },
    ready,
    async infer(elements, count, options) {
      const crops = elements as Uint8Array
      const { logits } = await batcher.submit(packedCrops(crops), { lane: 'rpc', ...options })
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

/** Offers the student under the Open Inference Protocol as the model `student`, with the ids of model files as its versions. */
export function serveStudentModel(options: ServeStudentModelOptions): ServedModels {
  const described = new WeakMap<ServedStudent, ServedModel>()

  function describe(student: ServedStudent): ServedModel {
    const model = described.get(student) ?? describeStudent(student, options.ready)
    described.set(student, model)
    return model
  }

  return {
    ready: options.ready,
    list: () => options.states().map((state) => ({ name: studentModelName, ...state })),
    find(name, version) {
      if (name !== studentModelName) throw notFound(`model ${quote(name)}`, `"${studentModelName}"`)
      const live = options.student()
      if (version === '' || version === live.manifest.id) return describe(live)
      const other = options.find(version)
      if (other === undefined) throw notFound(`version ${quote(version)} of model "${name}"`, `"${live.manifest.id}"`)
      return describe(other)
    },
    ...(options.control === undefined ? {} : { control: options.control }),
  }
}
