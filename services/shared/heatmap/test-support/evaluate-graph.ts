import { type ModelProto, type NodeProto, TensorProto_DataType } from '../../../gen/third_party/onnx/onnx_pb.ts'
import { windowOf } from '../infer-shapes.ts'
import { floatAttribute, intAttribute, intsAttribute } from '../node-attributes.ts'

/** A tensor of double precision. */
export interface Reals {
  readonly dims: readonly number[]
  readonly data: Float64Array
}

type Evaluate = (node: NodeProto, input: (index: number) => Reals) => Reals

const count = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1)

function elementwise(operate: (a: number, b: number) => number): Evaluate {
  return (_, input) => {
    const [a, b] = [input(0), input(1)]
    const { dims } = a.dims.length >= b.dims.length ? a : b
    /** Where an entry of the whole lies in an operand, whose dimensions of 1 stretch. */
    const placeIn = (own: readonly number[], entry: number) => {
      let [place, step, rest] = [0, 1, entry]
      for (let axis = 1; axis <= dims.length; axis += 1) {
        const [size, ownSize] = [dims.at(-axis)!, own.at(-axis) ?? 1]
        if (ownSize > 1) place += (rest % size) * step
        rest = Math.floor(rest / size)
        step *= ownSize
      }
      return place
    }
    const at = (operand: Reals, entry: number) => operand.data[placeIn(operand.dims, entry)]!
    return { dims, data: new Float64Array(count(dims)).map((_, entry) => operate(at(a, entry), at(b, entry))) }
  }
}

function each(operate: (x: number, node: NodeProto) => number): Evaluate {
  return (node, input) => ({ dims: input(0).dims, data: input(0).data.map((x) => operate(x, node)) })
}

/** Calls `visit` with each output pixel and each input pixel that its window covers; returns the output's size. */
function slide(
  node: NodeProto,
  kernel: readonly number[],
  [height, width]: readonly [number, number],
  visit: (output: number, input: number, tap: number) => void,
): readonly [number, number] {
  const { strides, pads, positions } = windowOf(node, kernel)
  const size = [positions(height, 0), positions(width, 1)] as const
  for (let y = 0; y < size[0]; y += 1) {
    for (let x = 0; x < size[1]; x += 1) {
      for (let tap = 0; tap < kernel[0]! * kernel[1]!; tap += 1) {
        const row = y * strides[0]! - pads[0]! + Math.floor(tap / kernel[1]!)
        const column = x * strides[1]! - pads[1]! + (tap % kernel[1]!)
        if (row < 0 || column < 0 || row >= height || column >= width) continue
        visit(y * size[1] + x, row * width + column, tap)
      }
    }
  }
  return size
}

const convolution: Evaluate = (node, input) => {
  const [x, weights, bias] = [input(0), input(1), input(2)]
  const [batch, channels, height, width] = x.dims as [number, number, number, number]
  const [filters, , ...kernel] = weights.dims as [number, number, number, number]
  const taps = kernel[0]! * kernel[1]!
  const triples: [number, number, number][] = []
  const size = slide(node, kernel, [height, width], (...triple) => triples.push(triple))
  const pixels = size[0] * size[1]
  const data = new Float64Array(batch * filters * pixels)
  for (let n = 0; n < batch; n += 1) {
    for (let f = 0; f < filters; f += 1) {
      const to = (n * filters + f) * pixels
      data.fill(bias.data[f]!, to, to + pixels)
      for (let c = 0; c < channels; c += 1) {
        const from = (n * channels + c) * height * width
        const own = (f * channels + c) * taps
        for (const [output, at, tap] of triples) data[to + output]! += weights.data[own + tap]! * x.data[from + at]!
      }
    }
  }
  return { dims: [batch, filters, ...size], data }
}

const maxPool: Evaluate = (node, input) => {
  const x = input(0)
  const [batch, channels, height, width] = x.dims as [number, number, number, number]
  const best: number[][] = []
  const size = slide(node, intsAttribute(node, 'kernel_shape', []), [height, width], (output, at) => {
    best[output] = [...(best[output] ?? []), at]
  })
  const maps = Array.from({ length: batch * channels }, (_, i) =>
    x.data.subarray(i * height * width, (i + 1) * height * width),
  )
  return {
    dims: [batch, channels, ...size],
    data: Float64Array.from(
      maps.flatMap((pixels) => best.map((window) => Math.max(...window.map((at) => pixels[at]!)))),
    ),
  }
}

const average: Evaluate = (_, input) => {
  const { dims, data } = input(0)
  const pixels = dims[2]! * dims[3]!
  const means = new Float64Array(data.length / pixels)
  for (const [i, value] of data.entries()) means[Math.floor(i / pixels)]! += value / pixels
  return { dims: [dims[0]!, dims[1]!, 1, 1], data: means }
}

const dense: Evaluate = (node, input) => {
  const [x, weights, bias] = [input(0), input(1), input(2)]
  const [rows, inner] = x.dims as [number, number]
  const transposed = intAttribute(node, 'transB', 0) === 1
  const columns = weights.dims[transposed ? 0 : 1]!
  const data = new Float64Array(rows * columns)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      let sum = bias.data[column]!
      for (let k = 0; k < inner; k += 1) {
        sum += x.data[row * inner + k]! * weights.data[transposed ? column * inner + k : k * columns + column]!
      }
      data[row * columns + column] = sum
    }
  }
  return { dims: [rows, columns], data }
}

const operators: Readonly<Record<string, Evaluate>> = {
  Cast: each((x) => x),
  Identity: each((x) => x),
  Relu: each((x) => Math.max(0, x)),
  LeakyRelu: each((x, node) => (x > 0 ? x : x * floatAttribute(node, 'alpha', 0.01))),
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Conv: convolution,
  MaxPool: maxPool,
  GlobalAveragePool: average,
  Flatten: (_, input) => ({ ...input(0), dims: [input(0).dims[0]!, count(input(0).dims.slice(1))] }),
  Gemm: dense,
}

function readInitializers(model: ModelProto): readonly [string, Reals][] {
  return model.graph!.initializer.map(({ name, dims, dataType, rawData }) => {
    const buffer = rawData.slice().buffer
    const types: Readonly<Record<number, () => ArrayLike<number>>> = {
      [TensorProto_DataType.FLOAT]: () => new Float32Array(buffer),
      [TensorProto_DataType.FLOAT16]: () => new Float16Array(buffer),
      [TensorProto_DataType.INT8]: () => new Int8Array(buffer),
    }
    return [name, { dims: dims.map(Number), data: Float64Array.from(types[dataType]!()) }]
  })
}

/**
 * Evaluates a served graph in double precision, by loops over plain arrays: what its gradients are checked against. Returns
 * a function from some tensors to another; nodes whose outputs are given are not evaluated.
 */
export function createReference(model: ModelProto) {
  const constants = readInitializers(model)
  return (given: Readonly<Record<string, Reals>>, wanted: readonly string[]): ReadonlyMap<string, Reals> => {
    const tensors = new Map([...constants, ...Object.entries(given)])
    const nodeOf = new Map(model.graph!.node.map((node) => [node.output[0]!, node]))
    const find = (name: string): Reals => {
      const known = tensors.get(name)
      if (known !== undefined) return known
      const node = nodeOf.get(name)!
      const made = operators[node.opType]!(node, (index) => find(node.input[index]!))
      tensors.set(name, made)
      return made
    }
    return new Map(wanted.map((name) => [name, find(name)]))
  }
}
