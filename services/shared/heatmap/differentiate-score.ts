import { create } from '@bufbuild/protobuf'
import {
  type GraphProto,
  type ModelProto,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
} from '../../gen/third_party/onnx/onnx_pb.ts'
import { classNames } from '../dataset/crop-dataset.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { nodeProto, tensorProto } from '../onnx/onnx-proto.ts'
import { type BackwardRule, type BackwardWriter, backwardRules } from './backward-rules.ts'
import { inferShapes } from './infer-shapes.ts'

/** What of the network's answer is differentiated. */
export interface ScoreOptions {
  /** The softmax score of the class (at temperature 1), or its logit. */
  readonly score: 'probability' | 'logit'
  /** The class. */
  readonly target: 'NG' | 'OK'
}

/** A served graph with its backward pass behind it. */
export interface DifferentiatedGraph {
  /** Nodes of the served graph and of the backward pass, in an order in which they can run. */
  readonly nodes: readonly NodeProto[]
  readonly initializers: readonly TensorProto[]
  /** Name of the score's tensor, float32 [N]. */
  readonly score: string
  /** By layer: the name of d score / d layer, float32 of the layer's shape. */
  readonly gradients: ReadonlyMap<string, string>
  /** Adds further nodes behind. */
  readonly write: BackwardWriter
}

/** Names of the backward pass begin with it; names of a network's layers do not. */
const prefix = 'explain/'
const logits = 'logits'

function startWriting(graph: GraphProto) {
  const shapes = inferShapes(graph)
  const nodes: NodeProto[] = []
  const constants = new Map<string, TensorProto>()
  const pools = new Map<NodeProto, string>()
  let last = 0
  const write: BackwardWriter = {
    node(op, inputs, attributes) {
      const output = `${prefix}${++last}.${op}`
      nodes.push(nodeProto(op, inputs, [output], attributes))
      return output
    },
    constant(type, dims, data) {
      const name = `${prefix}${type}[${dims}]=${Array.from<number | bigint>(data).join(',')}`
      constants.set(name, tensorProto(name, type, dims, data))
      return name
    },
    shapeOf(tensor) {
      const shape = shapes.get(tensor)
      if (shape === undefined) throw new PelletlineError('internal', `the shape of ${tensor} is not known`)
      return shape
    },
    servedConstant: (name) => graph.initializer.find((tensor) => tensor.name === name),
    poolIndices(node) {
      const name = node.output[1] || `${prefix}${node.output[0]}.indices`
      pools.set(node, name)
      return name
    },
  }
  /** The forward pass, its max-pools with their indices where they are needed. */
  const forward = () =>
    graph.node.map((node) => {
      const indices = pools.get(node)
      return indices === undefined ? node : create(NodeProtoSchema, { ...node, output: [node.output[0]!, indices] })
    })
  return { write, nodes, constants, forward }
}

/** The score [N] and d score / d logits [N,2]. */
function differentiateHead({ score, target }: ScoreOptions, write: BackwardWriter) {
  const place = classNames.indexOf(target)
  const index = write.constant('int64', [], BigInt64Array.of(BigInt(place)))
  if (score === 'logit') {
    const one = write.constant(
      'float32',
      [1, 2],
      Float32Array.from([0, 1], (at) => (at === place ? 1 : 0)),
    )
    return {
      score: write.node('Gather', [logits, index], { axis: 1 }),
      gradient: write.node('Expand', [one, write.node('Shape', [logits])]),
    }
  }
  const probabilities = write.node('Softmax', [logits], { axis: 1 })
  // p (1 - p) as the product of both probabilities: near 1 the difference would have no digits left.
  const axes = write.constant('int64', [1], BigInt64Array.of(1n))
  const slope = write.node('ReduceProd', [probabilities, axes], { keepdims: 1 })
  const signs = write.constant(
    'float32',
    [1, 2],
    Float32Array.from([0, 1], (at) => (at === place ? 1 : -1)),
  )
  return {
    score: write.node('Gather', [probabilities, index], { axis: 1 }),
    gradient: write.node('Mul', [slope, signs]),
  }
}

/**
 * Reverse-mode differentiation of a class's score by the outputs of layers, over the served graph's own nodes. `rules` are
 * the operators' own. Throws `failed_precondition` naming an operator that cannot be differentiated, and a layer that the
 * logits do not depend on.
 */
export function differentiateScore(
  model: ModelProto,
  layers: readonly string[],
  options: ScoreOptions,
  rules: Readonly<Record<string, BackwardRule>> = backwardRules,
): DifferentiatedGraph {
  const graph = model.graph!
  const { write, nodes, constants, forward } = startWriting(graph)
  const dependent = new Set(layers)
  for (const { input, output } of graph.node) {
    if (input.some((name) => dependent.has(name))) for (const name of output) dependent.add(name)
  }
  const head = differentiateHead(options, write)
  const gradients = new Map([[logits, head.gradient]])
  for (const node of graph.node.toReversed()) {
    const gradient = gradients.get(node.output[0]!)
    if (gradient === undefined) continue
    for (const [index, input] of node.input.entries()) {
      if (!dependent.has(input)) continue
      const rule = rules[node.opType]
      if (rule === undefined) {
        throw new PelletlineError(
          'failed_precondition',
          `Heatmaps cannot go back through the operator ${node.opType} of ${node.output[0]}; they can through ${Object.keys(rules).sort().join(', ')}. Give a model that Pelletline exported, or a layer behind it.`,
        )
      }
      const share = rule(node, gradient, index, write)
      const before = gradients.get(input)
      gradients.set(input, before === undefined ? share : write.node('Add', [before, share]))
    }
  }
  const ofLayers = layers.map((layer) => {
    const gradient = gradients.get(layer)
    if (gradient !== undefined) return [layer, gradient] as const
    throw new PelletlineError('failed_precondition', `The logits do not depend on ${layer}; explain another layer.`)
  })
  return {
    get nodes() {
      return [...forward(), ...nodes]
    },
    get initializers() {
      return [...graph.initializer, ...constants.values()]
    },
    score: head.score,
    gradients: new Map(ofLayers),
    write,
  }
}
