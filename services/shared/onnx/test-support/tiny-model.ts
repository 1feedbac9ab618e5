import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NodeProto } from '../../../gen/third_party/onnx/onnx_pb.ts'
import { classNames } from '../../dataset/crop-dataset.ts'
import { cropVersion } from '../../inspection/crop.ts'
import { type ModelManifest, manifestFormatVersion, manifestPath } from '../model-manifest.ts'
import { encodeModel, modelProto, nodeProto, type OnnxType, tensorProto, valueInfo } from '../onnx-proto.ts'

export interface TinyModelOptions {
  readonly id?: string
  /** The margin zNG - zOK of a crop is gain * (center - mean gray): dark crops are NG. */
  readonly gain?: number
  readonly center?: number
  readonly threshold?: number
  /** What is wrong with the model: each makes one check fail, but for `nan-when-nearly-dark`, which no warm-up crop shows. */
  readonly fault?:
    | 'nan'
    | 'nan-when-dark'
    | 'nan-when-nearly-dark'
    | 'mixes-batch'
    | 'input-name'
    | 'input-type'
    | 'output-shape'
    | 'fixed-batch'
  /** Element type in which it takes the crops; default uint8. */
  readonly inputType?: 'uint8' | 'float32'
  /** Members of the manifest that differ from the right ones. */
  readonly manifest?: Readonly<Record<string, unknown>>
}

/** Bytes of a model with the student's signature, in the element type asked for: Cast, mean over the pixels, Gemm to two logits. */
function tinyModel(options: TinyModelOptions = {}): Uint8Array {
  const { gain = 0.1, center = 128, fault, inputType: ownType = 'uint8' } = options
  const input = fault === 'input-name' ? 'image' : 'pellet'
  const inputType: OnnxType = fault === 'input-type' ? 'float32' : ownType
  const batch = fault === 'fixed-batch' ? 4 : 'N'
  const classes = fault === 'output-shape' ? 3 : 2
  const nodes: NodeProto[] = [
    nodeProto('Cast', [input], ['gray'], { to: 1 }),
    nodeProto('ReduceMean', ['gray', 'axes'], ['mean'], { keepdims: 0 }),
  ]
  let last = 'mean'
  if (fault === 'nan') {
    nodes.push(nodeProto('Neg', [last], ['negative']), nodeProto('Sqrt', ['negative'], ['root']))
    last = 'root'
  }
  if (fault === 'nan-when-dark') {
    nodes.push(nodeProto('Sub', [last, 'dark'], ['above']), nodeProto('Sqrt', ['above'], ['root']))
    last = 'root'
  }
  if (fault === 'nan-when-nearly-dark') {
    nodes.push(nodeProto('Sub', [last, 'near'], ['apart']), nodeProto('Abs', ['apart'], ['distance']))
    nodes.push(nodeProto('Sub', ['distance', 'reach'], ['outside']), nodeProto('Sqrt', ['outside'], ['root']))
    last = 'root'
  }
  if (fault === 'mixes-batch') {
    nodes.push(nodeProto('ReduceMean', [last, 'first'], ['batch'], { keepdims: 1 }))
    nodes.push(nodeProto('Sub', [last, 'batch'], ['centered']))
    last = 'centered'
  }
  nodes.push(nodeProto('Gemm', [last, 'weight', 'bias'], ['logits']))
  const weight = new Float32Array(classes)
  const bias = new Float32Array(classes)
  weight[1] = -gain
  bias[1] = gain * center
  const graph = {
    name: 'tiny',
    node: nodes,
    input: [valueInfo(input, inputType, [batch, 1, 50, 50])],
    output: [valueInfo('logits', 'float32', [batch, classes])],
    initializer: [
      tensorProto('axes', 'int64', [2], new BigInt64Array([2n, 3n])),
      ...(fault === 'mixes-batch' ? [tensorProto('first', 'int64', [1], new BigInt64Array([0n]))] : []),
      ...(fault === 'nan-when-dark' ? [tensorProto('dark', 'float32', [1], new Float32Array([10]))] : []),
      // Mean grays from 1 to 5, which no warm-up crop has.
      ...(fault === 'nan-when-nearly-dark'
        ? [
            tensorProto('near', 'float32', [1], new Float32Array([3])),
            tensorProto('reach', 'float32', [1], new Float32Array([2.5])),
          ]
        : []),
      tensorProto('weight', 'float32', [1, classes], weight),
      tensorProto('bias', 'float32', [classes], bias),
    ],
  }
  return encodeModel(modelProto(graph))
}

/** A directory for models that goes when the test has ended. */
export async function modelDirectory(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'pelletline-model-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Writes a tiny model with its manifest and returns the model's path. */
export async function writeTinyModel(directory: string, options: TinyModelOptions = {}): Promise<string> {
  const { id = 'tiny', threshold = 0, inputType: dtype = 'uint8' } = options
  const bytes = tinyModel(options)
  const path = join(directory, `${id}.onnx`)
  await writeFile(path, bytes)
  const digest = createHash('sha256').update(bytes).digest('hex')
  const manifest = {
    formatVersion: manifestFormatVersion,
    id,
    sha256: digest,
    kind: 'student',
    architecture: 'tiny',
    precision: 'float32',
    input: { name: 'pellet', shape: [null, 1, 50, 50], dtype, cropVersion },
    output: { name: 'logits', shape: [null, 2] },
    classes: [...classNames],
    standardisation: { mean: 0, deviation: 1 },
    distillationTemperature: 1,
    threshold,
    metrics: {},
    parameters: 4,
    multiplyAdds: 2502,
    lineage: {
      dataSource: 'written by hand',
      dataDigest: { train: digest, val: digest, test: digest },
      seed: 0,
      options: {},
      commit: 'unknown',
      createdAt: '2026-01-01T00:00:00Z',
    },
    ...options.manifest,
  } satisfies Record<keyof ModelManifest, unknown>
  await writeFile(manifestPath(path), JSON.stringify(manifest))
  return path
}

/** Crops of one gray level each, one after the other. */
export function grayCrops(...levels: readonly number[]): Uint8Array {
  const pixels = new Uint8Array(levels.length * 2500)
  for (const [i, level] of levels.entries()) pixels.fill(level, i * 2500, (i + 1) * 2500)
  return pixels
}
