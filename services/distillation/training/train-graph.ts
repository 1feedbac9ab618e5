import { create } from '@bufbuild/protobuf'
import { GraphProtoSchema, type ModelProto } from '../../gen/third_party/onnx/onnx_pb.ts'
import { cropSide } from '../../shared/inspection/crop.ts'
import { modelProto, nodeProto, valueInfo } from '../../shared/onnx/onnx-proto.ts'
import { type AdamOptions, adamStep, adamUpdate } from '../graph/adam.ts'
import { differentiate } from '../graph/differentiate.ts'
import {
  type Backend,
  createGraph,
  type Graph,
  graphProto,
  input,
  named,
  parameter,
  scalar,
  type Tensor,
} from '../graph/graph.ts'
import { add, cast, entryAt, reshape, scale, subtract } from '../graph/primitives.ts'
import { buildForward } from '../networks/build-forward.ts'
import { isTrained, listParameters, type Network, type ParameterSpec, traceNetwork } from '../networks/network.ts'
import { distillationLoss } from '../operators/distillation-loss.ts'

/** Mean and deviation of the training part's gray values, 0 to 255. */
export interface Standardisation {
  readonly mean: number
  readonly deviation: number
}

export interface DistillationOptions {
  readonly lambda: number
  readonly temperature: number
  readonly temperatureSquared: boolean
}

export interface TrainGraphOptions {
  readonly backend: Backend
  readonly batchSize: number
  readonly standardisation: Standardisation
  readonly adam: AdamOptions
  /** With it the graph has the input `softTargets`, [steps, batch, 2]. */
  readonly distillation?: DistillationOptions
  /** Side of the images, px. */
  readonly side?: number
}

/** One tensor that lives through the steps. `parameter` and `offset` say which part of which parameter it is. */
export interface StateTensor {
  readonly name: string
  readonly dims: readonly number[]
  readonly parameter: ParameterSpec
  readonly slot: 'value' | 'first' | 'second'
  /** First number of the parameter's values that this tensor holds. */
  readonly offset: number
}

/** Share of the newest batch in the running statistics. */
const statisticsShare = 0.1

/** The tensors that training carries from step to step: values and running statistics, then Adam's moments. */
export function listState(network: Network, side = cropSide): readonly StateTensor[] {
  const specs = listParameters(network, side)
  const parts = (spec: ParameterSpec, slot: StateTensor['slot']): StateTensor[] => {
    const dims = [spec.dims[0]! / spec.parts, ...spec.dims.slice(1)]
    const size = dims.reduce((product, dim) => product * dim, 1)
    return Array.from({ length: spec.parts }, (_, part) => ({
      name: `${slot}/${spec.name}/${part}`,
      dims,
      parameter: spec,
      slot,
      offset: part * size,
    }))
  }
  const trained = specs.filter(isTrained)
  return [
    ...specs.flatMap((spec) => parts(spec, 'value')),
    ...trained.flatMap((spec) => parts(spec, 'first')),
    ...trained.flatMap((spec) => parts(spec, 'second')),
  ]
}

/**
 * The training model: an ONNX Loop over `steps` steps whose body is forward pass, loss, backward pass and Adam.
 *
 * Inputs: `steps` int64, `firstStep` int64 (counts from 1), `images` uint8 [steps, batch, side * side], `targets`
 * [steps, batch, 2], `rates` [steps], `mask/LAYER` [steps, batch, channels] per dropout layer, `softTargets` where
 * distilled, and every state tensor by its name. Outputs: every state tensor as `next/NAME`, `losses` [steps] and
 * `logits` [steps, batch, 2].
 */
export function buildTrainModel(network: Network, options: TrainGraphOptions): ModelProto {
  const { backend, batchSize, side = cropSide, distillation } = options
  const graph = createGraph(backend)
  const index = input(graph, 'iteration', 'int64', [])
  const condition = input(graph, 'condition', 'bool', [])
  const state = listState(network, side)
  const current = new Map(state.map((entry) => [entry.name, declareState(graph, entry)]))

  // 1. What this step reads of the inputs that hold one entry per step.
  const perStep = (name: string, type: Tensor['type'], dims: readonly number[]): Tensor => ({
    name,
    type,
    dims: [0, ...dims],
  })
  const series = {
    images: perStep('images', 'uint8', [batchSize, side * side]),
    targets: perStep('targets', backend.real, [batchSize, 2]),
    rates: perStep('rates', backend.real, []),
    softTargets: perStep('softTargets', backend.real, [batchSize, 2]),
  }
  const masks = traceNetwork(network, side).flatMap(({ layer, output }) =>
    layer.kind === 'dropout' && layer.rate > 0
      ? [{ layer: layer.name, series: perStep(`mask/${layer.name}`, backend.real, [batchSize, output.channels]) }]
      : [],
  )
  const images = standardise(graph, entryAt(graph, series.images, index), options.standardisation, side)

  // 2. Forward pass and loss.
  const next = new Map<string, Tensor>()
  const specs = listParameters(network, side)
  const values = new Map(
    specs.map((spec) => [spec.name, stateOf(state, spec, 'value').map(({ name }) => current.get(name)!)]),
  )
  const logits = buildForward(graph, network, images, values, {
    kind: 'train',
    masks: new Map(masks.map((mask) => [mask.layer, entryAt(graph, mask.series, index)])),
    onStatistics: (layer, { mean, variance, count }) => {
      // Running variance is the unbiased one, as evaluation sees single images.
      const unbiased = scale(graph, variance, count / Math.max(count - 1, 1))
      for (const [suffix, batchValue] of [
        ['mean', mean],
        ['variance', unbiased],
      ] as const) {
        const name = `value/${layer}.${suffix}/0`
        const running = current.get(name)!
        next.set(name, add(graph, running, scale(graph, subtract(graph, batchValue, running), statisticsShare)))
      }
    },
  })
  const loss = distillationLoss(
    graph,
    logits,
    entryAt(graph, series.targets, index),
    distillation && { ...distillation, probabilities: entryAt(graph, series.softTargets, index) },
  )

  // 3. Backward pass.
  const trained = state.filter((entry) => entry.slot === 'value' && isTrained(entry.parameter))
  const gradients = differentiate(
    graph,
    loss,
    trained.map(({ name }) => current.get(name)!),
  )

  // 4. Adam.
  const step = adamStep(graph, entryAt(graph, series.rates, index), stepNumber(graph, index), options.adam)
  for (const [i, { name }] of trained.entries()) {
    const [firstName, secondName] = [name.replace(/^value/, 'first'), name.replace(/^value/, 'second')]
    const updated = adamUpdate(graph, step, options.adam, {
      parameter: current.get(name)!,
      first: current.get(firstName)!,
      second: current.get(secondName)!,
      gradient: gradients[i]!,
    })
    next.set(name, updated.parameter).set(firstName, updated.first).set(secondName, updated.second)
  }

  // 5. The loop around it.
  const body = graphProto(graph, 'train_step', [
    named(graph, condition, 'goOn'),
    ...state.map(({ name }) => next.get(name)!),
    loss,
    logits,
  ])
  const stateInfo = (prefix: string) => state.map(({ name, dims }) => valueInfo(`${prefix}${name}`, backend.real, dims))
  const seriesInfo = [
    series.images,
    series.targets,
    series.rates,
    ...(distillation === undefined ? [] : [series.softTargets]),
    ...masks.map((mask) => mask.series),
  ].map(({ name, type, dims }) => valueInfo(name, type, ['steps', ...dims.slice(1)]))
  const outputs = [...state.map(({ name }) => `next/${name}`), 'losses', 'logits']
  const outer = create(GraphProtoSchema, {
    name: `train_${network.name.replaceAll('-', '_')}`,
    node: [nodeProto('Loop', ['steps', '', ...state.map(({ name }) => name)], outputs, { body: { graph: body } })],
    input: [valueInfo('steps', 'int64', []), valueInfo('firstStep', 'int64', []), ...seriesInfo, ...stateInfo('')],
    output: [
      ...stateInfo('next/'),
      valueInfo('losses', backend.real, ['steps']),
      valueInfo('logits', backend.real, ['steps', batchSize, 2]),
    ],
  })
  return modelProto(outer, [...graph.domains])
}

/**
 * The evaluation model: `images` uint8 [batch, side * side] and every `value/` state tensor to `logits` [batch, 2], with
 * running statistics and without dropout.
 */
export function buildEvaluationModel(
  network: Network,
  options: Pick<TrainGraphOptions, 'backend' | 'batchSize' | 'standardisation' | 'side'>,
): ModelProto {
  const { backend, batchSize, side = cropSide } = options
  const graph = createGraph(backend)
  const images = input(graph, 'images', 'uint8', [batchSize, side * side])
  const state = listState(network, side).filter(({ slot }) => slot === 'value')
  const values = new Map(
    listParameters(network, side).map((spec) => [
      spec.name,
      stateOf(state, spec, 'value').map(({ name, dims }) => input(graph, name, backend.real, dims)),
    ]),
  )
  const standardised = standardise(graph, images, options.standardisation, side)
  const logits = buildForward(graph, network, standardised, values, { kind: 'evaluate' })
  const output = named(graph, logits, 'logits')
  return modelProto(graphProto(graph, `evaluate_${network.name.replaceAll('-', '_')}`, [output]), [...graph.domains])
}

function stateOf(state: readonly StateTensor[], spec: ParameterSpec, slot: StateTensor['slot']): StateTensor[] {
  return state.filter((entry) => entry.slot === slot && entry.parameter.name === spec.name)
}

function declareState(graph: Graph, { name, dims, parameter: spec, slot }: StateTensor): Tensor {
  return slot === 'value' && isTrained(spec)
    ? parameter(graph, name, dims)
    : input(graph, name, graph.backend.real, dims)
}

/** Gray bytes to a standardised feature map, [batch, 1, side, side, 1]. */
function standardise(graph: Graph, images: Tensor, { mean, deviation }: Standardisation, side: number): Tensor {
  const values = cast(graph, images, graph.backend.real)
  const standardised = scale(graph, subtract(graph, values, scalar(graph, mean)), 1 / deviation)
  return reshape(graph, standardised, [images.dims[0]!, 1, side, side, 1])
}

/** The optimiser's step number, from 1: `firstStep` plus the loop's iteration. */
function stepNumber(graph: Graph, iteration: Tensor): Tensor {
  return add(graph, { name: 'firstStep', type: 'int64', dims: [] }, iteration)
}
