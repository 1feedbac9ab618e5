import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { cropSide } from '../shared/inspection/crop.ts'
import type { ModelManifest } from '../shared/onnx/model-manifest.ts'
import type { BatcherStatistics } from './batcher-statistics.ts'
import type { WarmStudent } from './classify-service.ts'
import { packedCrops } from './crop-source.ts'
import { quote } from './open-inference/check-input.ts'
import type { ServedModel, ServedModelState, ServedModels } from './open-inference/served-models.ts'

/** Name of the student among served models; its versions are the ids of model files. */
export const studentModelName = 'student'

/** Most crops of one request, as in the rules of our own service. */
const maxCropsPerRequest = 4096

/** The student once it is warm, with what its description needs. */
export interface ServedStudent extends WarmStudent {
  readonly manifest: ModelManifest
  readonly workers: number
  readonly maxBatch: number
  readonly statistics: BatcherStatistics
}

export interface ServeStudentModelOptions {
  /** The student; throws `unavailable` with the expected wait before it is warm and while it drains. */
  readonly student: () => ServedStudent
  readonly ready: () => boolean
  /** Where the student stands, for the repository's index. */
  readonly state: () => Omit<ServedModelState, 'name'>
}

function notFound(what: string, known: string): PelletlineError {
  return new PelletlineError('not_found', `There is no ${what} here; there is ${known}.`)
}

function describeStudent(student: ServedStudent, ready: () => boolean): ServedModel {
  const { batcher, threshold, manifest, workers, maxBatch, statistics } = student
  const { input, output, id, sha256, classes } = manifest
  return {
    name: studentModelName,
    version: id,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    input: { name: input.name, datatype: 'UINT8', itemShape: [1, cropSide, cropSide] },
    output: { name: output.name, datatype: 'FP32', itemShape: [classes.length] },
    maxItems: maxCropsPerRequest,
    sessions: workers,
    maxBatch,
    facts: { sha256, classes: classes.join(','), threshold: String(threshold) },
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

/** Offers the student under the Open Inference Protocol as the model `student`, with the id of its file as the version. */
export function serveStudentModel(options: ServeStudentModelOptions): ServedModels {
  let described: { readonly student: ServedStudent; readonly model: ServedModel } | undefined

  function current(): ServedModel {
    const student = options.student()
    if (described?.student !== student) described = { student, model: describeStudent(student, options.ready) }
    return described.model
  }

  return {
    ready: options.ready,
    list: () => [{ name: studentModelName, ...options.state() }],
    find(name, version) {
      if (name !== studentModelName) throw notFound(`model ${quote(name)}`, `"${studentModelName}"`)
      const model = current()
      if (version !== '' && version !== model.version) {
        throw notFound(`version ${quote(version)} of model "${name}"`, `"${model.version}"`)
      }
      return model
    },
  }
}
