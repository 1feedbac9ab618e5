import type { ModelProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { imageInput, inferShapes } from './infer-shapes.ts'

/** A layer whose output is a map, so that a heatmap can be drawn of it. */
export interface HeatmapLayer {
  readonly name: string
  readonly channels: number
  /** Pixels of the layer's map, and so of its heatmap. */
  readonly height: number
  readonly width: number
  /** It holds a convolution, rather than a pool alone. */
  readonly convolution: boolean
}

/**
 * The layers of a served model of which a heatmap can be drawn, from the image to the logits: those behind the first
 * convolution whose output has more than one pixel. Throws `failed_precondition` where the graph holds an operator that
 * is not known.
 */
export function listHeatmapLayers(model: ModelProto): readonly HeatmapLayer[] {
  const graph = model.graph!
  const shapes = inferShapes(graph)
  const outputs = new Set(graph.node.flatMap((node) => node.output))
  /** The layer that a tensor belongs to: `widen2.0` is a stage of `widen2`, where that is a tensor too. */
  const layerOf = (tensor: string): string => {
    for (let dot = tensor.indexOf('.'); dot > 0; dot = tensor.indexOf('.', dot + 1)) {
      if (outputs.has(tensor.slice(0, dot))) return tensor.slice(0, dot)
    }
    return tensor
  }
  /** Tensors that a convolution of the image has led to. */
  const convolved = new Set<string>()
  const withConvolution = new Set<string>()
  const fromImage = new Set([imageInput])
  const names: string[] = []
  for (const node of graph.node) {
    if (!node.input.some((name) => fromImage.has(name))) continue
    const [output] = node.output
    for (const name of node.output) fromImage.add(name)
    if (node.opType === 'Conv') withConvolution.add(layerOf(output!))
    if (node.opType !== 'Conv' && !node.input.some((name) => convolved.has(name))) continue
    for (const name of node.output) convolved.add(name)
    if (layerOf(output!) === output) names.push(output)
  }
  return names.flatMap((name) => {
    const [, channels, height, width] = shapes.get(name)!.map(Number)
    if (height === undefined || width === undefined || height * width < 2) return []
    return [{ name, channels: channels!, height, width, convolution: withConvolution.has(name) }]
  })
}

/** The layer that is explained where none is asked for: the last convolution. */
export function defaultHeatmapLayer(model: ModelProto): string {
  const last = listHeatmapLayers(model).findLast((layer) => layer.convolution)
  if (last !== undefined) return last.name
  throw new PelletlineError(
    'failed_precondition',
    'The model has no convolution whose output is a map, so there is nothing to draw a heatmap of; give another model.',
  )
}
