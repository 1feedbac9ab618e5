import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { CallInput, CallOutput, InputData } from './infer-call.ts'
import type { BatchElements, ServedDatatype, ServedModel, ServedTensor } from './served-models.ts'

const bytesPerElement: Readonly<Record<ServedDatatype, number>> = { UINT8: 1, FP32: 4 }

/** Parameters of inputs and outputs that ask for something else to be done; a request with one would be misunderstood. */
const notOffered: Readonly<Record<string, string>> = {
  shared_memory_region: 'tensors in shared memory are not offered; send and take them with the message',
  classification: 'the classification extension is not offered; take the logits, their order is in the model config',
}

/** A request that cannot be answered: `field` is named as in the protocol. */
export function refuseInput(field: string, description: string): PelletlineError {
  const violations = [{ field, description }]
  return new PelletlineError('invalid_argument', `${field}: ${description}. Correct it and send it again.`, {
    violations,
  })
}

/** Most bytes of an id. */
const maxIdBytes = 1024
/** Most bytes of all parameters of a request: names and texts, and eight for each other value. */
const maxParameterBytes = 4096

/** Whether an id is short enough to come back. */
export function isShortId(id: string): boolean {
  return Buffer.byteLength(id) <= maxIdBytes
}

/** Refuses an id and parameters that are too long to be kept until the answer with which they come back has been read. */
export function checkEchoed(id: string, parameters: readonly (readonly [name: string, value: unknown])[]): void {
  if (!isShortId(id)) throw refuseInput('id', `${Buffer.byteLength(id)} bytes; at most ${maxIdBytes} are taken`)
  const bytesOf = (value: unknown) => (typeof value === 'string' ? Buffer.byteLength(value) : 8)
  const bytes = parameters.reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + bytesOf(value), 0)
  if (bytes <= maxParameterBytes) return
  throw refuseInput('parameters', `${bytes} bytes of names and values; at most ${maxParameterBytes} are taken`)
}

/** What a caller sent, short enough for a message. */
export function quote(value: string | number | boolean): string {
  if (typeof value !== 'string') return String(value)
  return JSON.stringify(value.length > 64 ? `${value.slice(0, 61)}...` : value)
}

function refuseParameters(field: string, parameters: readonly string[]): void {
  for (const name of parameters) {
    const reason = Object.hasOwn(notOffered, name) ? notOffered[name] : undefined
    if (reason !== undefined) throw new PelletlineError('unimplemented', `${field}: ${reason}.`)
  }
}

/** The one input that the model has, once and under its name. */
function takeInput(model: ServedModel, inputs: readonly CallInput[]): CallInput {
  const { name } = model.input
  const found = inputs.filter((input) => input.name === name)
  const foreign = inputs.find((input) => input.name !== name)
  if (foreign !== undefined) {
    throw refuseInput('inputs', `${model.name} has no input ${quote(foreign.name)}; its only input is ${quote(name)}`)
  }
  if (found.length !== 1) {
    throw refuseInput('inputs', `input ${quote(name)} is there ${found.length} times; give it once`)
  }
  return found[0]!
}

function describeShape(tensor: ServedTensor): string {
  return `[N,${tensor.itemShape.join(',')}]`
}

/** Items of the batch; the other dimensions must be the model's, so no product of what came is ever formed. */
function checkShape(model: ServedModel, { name, shape }: CallInput): number {
  const { itemShape } = model.input
  const field = `inputs.${name}.shape`
  const shown = `[${shape.slice(0, 8).join(',')}${shape.length > 8 ? ',...' : ''}]`
  const [batch] = shape
  if (
    batch === undefined ||
    shape.length !== 1 + itemShape.length ||
    itemShape.some((size, i) => Number(shape[1 + i]) !== size)
  ) {
    throw refuseInput(field, `${shown}; ${model.name} takes ${describeShape(model.input)}`)
  }
  if (!(batch >= 1 && batch <= model.maxItems) || !Number.isInteger(Number(batch))) {
    throw refuseInput(field, `${shown}; N is a whole number from 1 to ${model.maxItems}`)
  }
  return Number(batch)
}

function fromBytes(bytes: Uint8Array, datatype: ServedDatatype): BatchElements {
  if (datatype === 'UINT8') return bytes
  const { buffer, byteOffset, byteLength } = bytes
  const length = byteLength / bytesPerElement.FP32
  // A view needs an offset that four divides, which a message does not promise; Buffer's own slice would be no copy.
  return byteOffset % 4 === 0
    ? new Float32Array(buffer, byteOffset, length)
    : new Float32Array(new Uint8Array(bytes).buffer)
}

function fromNumbers(field: string, numbers: ArrayLike<number>, datatype: ServedDatatype): BatchElements {
  if (datatype === 'FP32') return Float32Array.from(numbers)
  const bytes = new Uint8Array(numbers.length)
  for (let i = 0; i < numbers.length; i += 1) {
    const value = numbers[i]!
    bytes[i] = value
    if (bytes[i] !== value) throw refuseInput(field, `element ${i} is ${value}; UINT8 holds 0 to 255`)
  }
  return bytes
}

function refuseNotFinite(field: string, elements: Float32Array, perItem: number): void {
  const bad = elements.findIndex((value) => !Number.isFinite(value))
  if (bad < 0) return
  const where = `element ${bad % perItem} of item ${Math.floor(bad / perItem)}`
  throw refuseInput(field, `${where} is ${elements[bad]}; every element must be finite`)
}

function readElements(model: ServedModel, input: CallInput, count: number): BatchElements {
  const { datatype, itemShape } = model.input
  const perItem = itemShape.reduce((product, size) => product * size, 1)
  const elements = count * perItem
  const field = `inputs.${input.name}`
  const data: InputData = input.data
  switch (data.kind) {
    case 'none':
      throw refuseInput(field, 'it has no data; give it raw or as numbers')
    case 'raw': {
      const expected = elements * bytesPerElement[datatype]
      if (data.bytes.length !== expected) {
        throw refuseInput(field, `${data.bytes.length} bytes; ${datatype} of its shape are ${expected}`)
      }
      break
    }
    case 'numbers':
      if (!data.datatypes.includes(datatype)) {
        throw refuseInput(field, `its numbers are in a field for other types than ${datatype}`)
      }
      if (data.numbers.length !== elements) {
        throw refuseInput(field, `${data.numbers.length} elements; its shape has ${elements}`)
      }
      break
    default:
      data satisfies never
  }
  const read = data.kind === 'raw' ? fromBytes(data.bytes, datatype) : fromNumbers(field, data.numbers, datatype)
  if (read instanceof Float32Array) refuseNotFinite(field, read, perItem)
  return read
}

/** A batch that the model can be given. */
export interface CheckedInput {
  readonly elements: BatchElements
  readonly count: number
}

/**
 * Checks the inputs of a request against the model's: names, element type, shape, number and range of the elements. Throws
 * `invalid_argument` that names the input and what it should be, `unimplemented` for extensions that are not offered.
 */
export function checkInputs(model: ServedModel, inputs: readonly CallInput[]): CheckedInput {
  const input = takeInput(model, inputs)
  refuseParameters(`inputs.${input.name}`, input.parameters)
  const { datatype } = model.input
  if (input.datatype !== datatype) {
    throw refuseInput(`inputs.${input.name}.datatype`, `${quote(input.datatype)}; ${model.name} takes ${datatype}`)
  }
  const count = checkShape(model, input)
  return { elements: readElements(model, input, count), count }
}

/** Refuses outputs that the model has not, or the same one twice, and extensions that are not offered. */
export function checkOutputs(model: ServedModel, outputs: readonly CallOutput[]): void {
  const { name } = model.output
  for (const [i, output] of outputs.entries()) {
    if (output.name !== name) {
      const known = `its only output is ${quote(name)}`
      throw refuseInput('outputs', `${model.name} has no output ${quote(output.name)}; ${known}`)
    }
    if (i > 0) throw refuseInput('outputs', `output ${quote(name)} is asked for ${outputs.length} times; ask once`)
    refuseParameters(`outputs.${name}`, output.parameters)
  }
}
