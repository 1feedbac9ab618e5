import { create } from '@bufbuild/protobuf'
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  type ValueInfoProto,
} from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { nodeProto, valueInfo } from '../onnx/onnx-proto.ts'
import { type DifferentiatedGraph, differentiateScore, type ScoreOptions } from './differentiate-score.ts'
import { type HeatmapLayer, listHeatmapLayers } from './list-heatmap-layers.ts'

export interface HeatmapOptions extends ScoreOptions {
  /** Names of layers, see `listHeatmapLayers`; at least one. */
  readonly layers: readonly string[]
}

/** Name of a layer's heatmap among the outputs of the derived model. */
export function heatmapOutput(layer: string): string {
  return `heatmap/${layer}`
}

/** Operator set from which the operators of the backward pass are as they are written here. */
const leastOpset = 18n

function checkOpset(model: ModelProto): void {
  const version = model.opsetImport.find(({ domain }) => domain === '')?.version ?? 0n
  if (version >= leastOpset) return
  throw new PelletlineError(
    'failed_precondition',
    `The model is written for ONNX operator set ${version}; heatmaps need ${leastOpset} or later. Export it again.`,
  )
}

/** The layers of those names; `not_found` naming the first that is none, with those that are. */
function findLayers(model: ModelProto, names: readonly string[]): readonly HeatmapLayer[] {
  const known = listHeatmapLayers(model)
  if (names.length === 0) throw new PelletlineError('invalid_argument', 'No layer is named; name at least one.')
  return [...new Set(names)].map((name) => {
    const layer = known.find((candidate) => candidate.name === name)
    if (layer !== undefined) return layer
    throw new PelletlineError(
      'not_found',
      `The model has no layer ${name} of which a heatmap can be drawn; it has ${known.map((each) => each.name).join(', ')}.`,
    )
  })
}

/** Grad-CAM (Selvaraju et al., 2017, equations 1 and 2): the channels weighted by their mean gradient, what is positive of it. */
function writeHeatmap({ write, gradients }: DifferentiatedGraph, layer: string): string {
  const pixels = write.constant('int64', [2], BigInt64Array.of(2n, 3n))
  const channel = write.constant('int64', [1], BigInt64Array.of(1n))
  const weights = write.node('ReduceMean', [gradients.get(layer)!, pixels], { keepdims: 1 })
  const weighted = write.node('Mul', [layer, weights])
  return write.node('Relu', [write.node('ReduceSum', [weighted, channel], { keepdims: 0 })])
}

/**
 * Derives from a served model the model that explains it: `pellet` uint8 [N,1,50,50] to `logits` float32 [N,2], `score`
 * float32 [N] (of the class `target`) and, for each layer, `heatmap/LAYER` float32 [N,h,w], not scaled: relu(sum over c of
 * alpha_c A_c) with alpha_c the mean of d score / d A_c over the pixels. The served model is left as it is. Throws
 * `not_found` naming a layer that there is not, `failed_precondition` naming an operator that is not known.
 */
export function buildHeatmapModel(model: ModelProto, options: HeatmapOptions): ModelProto {
  checkOpset(model)
  const layers = findLayers(model, options.layers)
  const names = layers.map((layer) => layer.name)
  const differentiated = differentiateScore(model, names, options)
  const outputs: ValueInfoProto[] = [valueInfo('score', 'float32', ['N'])]
  const renamed = [nodeProto('Identity', [differentiated.score], ['score'])]
  for (const { name, height, width } of layers) {
    renamed.push(nodeProto('Identity', [writeHeatmap(differentiated, name)], [heatmapOutput(name)]))
    outputs.push(valueInfo(heatmapOutput(name), 'float32', ['N', height, width]))
  }
  const graph = model.graph!
  return create(ModelProtoSchema, {
    ...model,
    graph: create(GraphProtoSchema, {
      ...graph,
      name: `${graph.name} explained`,
      node: [...differentiated.nodes, ...renamed],
      initializer: [...differentiated.initializers],
      output: [...graph.output, ...outputs],
    }),
  })
}
