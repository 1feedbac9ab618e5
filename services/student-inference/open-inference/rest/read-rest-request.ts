import { PelletlineError } from '../../../shared/errors/pelletline-error.ts'
import { checkEchoed, quote, refuseInput } from '../check-input.ts'
import type { CallInput, InferCall, InputData } from '../infer-call.ts'
import type { ServedModel } from '../served-models.ts'
import { type ParameterValue, parseObject, readList, readObject, readParameters, readText } from './json-fields.ts'
import { maxDimensions, readJsonTensor } from './read-json-tensor.ts'

/** A request of the REST half: the call, and how it is to be answered. */
export interface RestRequest {
  readonly call: InferCall
  /** Undefined: the request has none. */
  readonly id: string | undefined
  /** Come back with the answer. */
  readonly parameters: Readonly<Record<string, ParameterValue>>
  /** The output travels as bytes after the JSON instead of within it. */
  readonly binaryOutput: boolean
}

export interface RestTarget {
  readonly model: string
  readonly version: string
}

/** JSON takes the event loop for as long as it is parsed, 10 ms a MiB and more, so tensors beyond this travel as bytes. */
export const maxJsonBytes = 4 * 1024 * 1024

/** Bytes of the body that are JSON, by `Inference-Header-Content-Length`; all where there is no such header. */
export function readHeaderLength(header: string | undefined, bodyBytes: number): number {
  if (header === undefined) return bodyBytes
  if (/^\d{1,15}$/.test(header) && Number(header) <= bodyBytes) return Number(header)
  const shown = header.slice(0, 64)
  throw refuseInput(
    'Inference-Header-Content-Length',
    `${shown}; the body has ${bodyBytes} bytes, of which it says how many are JSON`,
  )
}

/** Hands out the bytes that follow the JSON, input after input. */
function createTail(tail: Uint8Array) {
  let at = 0
  return {
    take(field: string, size: ParameterValue): Uint8Array {
      if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
        throw refuseInput(`${field}.parameters.binary_data_size`, `${quote(size)}; give a whole number of bytes`)
      }
      const left = tail.length - at
      if (size > left) throw refuseInput(field, `binary_data_size is ${size}; ${left} bytes follow the JSON`)
      at += size
      return tail.subarray(at - size, at)
    },
    expectEnd(): void {
      const left = tail.length - at
      if (left > 0) throw refuseInput('body', `${left} bytes after the JSON belong to no input (binary_data_size)`)
    },
  }
}

function readInput(value: unknown, tail: ReturnType<typeof createTail>): CallInput {
  const input = readObject('inputs', value)
  const name = readText('inputs.name', input['name'])
  const field = `inputs.${name.slice(0, 64)}`
  const datatype = readText(`${field}.datatype`, input['datatype'])
  const shape = readList(`${field}.shape`, input['shape']) as readonly number[]
  if (shape.length > maxDimensions) {
    throw refuseInput(`${field}.shape`, `${shape.length} dimensions; at most ${maxDimensions} are taken`)
  }
  if (!shape.every((size) => Number.isSafeInteger(size))) {
    throw refuseInput(`${field}.shape`, 'a dimension is no whole number')
  }
  const parameters = readParameters(`${field}.parameters`, input['parameters'])
  const size = parameters['binary_data_size']
  const { data } = input
  if (size !== undefined && data !== undefined) {
    throw refuseInput(field, 'it has data and binary_data_size; give one of them')
  }
  const read = (): InputData => {
    if (size !== undefined) return { kind: 'raw', bytes: tail.take(field, size) }
    if (data === undefined) return { kind: 'none' }
    const numbers = readJsonTensor(`${field}.data`, readList(`${field}.data`, data), shape)
    return { kind: 'numbers', numbers, datatypes: ['UINT8', 'FP32'] }
  }
  return { name, datatype, shape, data: read(), parameters: Object.keys(parameters) }
}

function readTimeout(value: ParameterValue | undefined): number | undefined {
  if (value === undefined || typeof value === 'number') return value
  throw refuseInput('parameters.timeout', 'it is no number; give microseconds')
}

/** Reads a request whose first `headerLength` bytes are JSON and whose other bytes are tensors; `invalid_argument` by field. */
export function readRestRequest(target: RestTarget, body: Uint8Array, headerLength: number): RestRequest {
  if (headerLength > maxJsonBytes) {
    const text = `${headerLength} bytes of JSON; at most ${maxJsonBytes} are taken: send the tensor as binary data, or fewer crops.`
    throw new PelletlineError('invalid_argument', text)
  }
  const json = parseObject(body.subarray(0, headerLength))
  const parameters = readParameters('parameters', json['parameters'])
  const { binary_data_output: binaryByDefault, ...echoed } = parameters
  const id = json['id'] === undefined ? undefined : readText('id', json['id'])
  checkEchoed(id ?? '', Object.entries(echoed))
  const tail = createTail(body.subarray(headerLength))
  const inputs = readList('inputs', json['inputs']).map((input) => readInput(input, tail))
  tail.expectEnd()
  let binaryOutput = binaryByDefault === true
  const outputs = readList('outputs', json['outputs']).map((value) => {
    const output = readObject('outputs', value)
    const wanted = readParameters('outputs.parameters', output['parameters'])
    if (wanted['binary_data'] !== undefined) binaryOutput = wanted['binary_data'] === true
    return { name: readText('outputs.name', output['name']), parameters: Object.keys(wanted) }
  })
  return {
    call: { ...target, inputs, outputs, timeoutUs: readTimeout(parameters['timeout']) },
    id,
    parameters: echoed,
    binaryOutput,
  }
}

/**
 * Reads a body without any JSON (`Inference-Header-Content-Length: 0`): the items of the model's only input one after the
 * other, as many as the bytes hold.
 */
export function readBareRequest(target: RestTarget, { input }: ServedModel, body: Uint8Array): RestRequest {
  const itemBytes = input.itemShape.reduce((product, size) => product * size, input.datatype === 'FP32' ? 4 : 1)
  if (body.length === 0 || body.length % itemBytes !== 0) {
    throw refuseInput('body', `${body.length} bytes; an item of ${input.name} has ${itemBytes}`)
  }
  const { name, datatype, itemShape } = input
  const shape = [body.length / itemBytes, ...itemShape]
  return {
    call: {
      ...target,
      inputs: [{ name, datatype, shape, data: { kind: 'raw', bytes: body }, parameters: [] }],
      outputs: [],
      timeoutUs: undefined,
    },
    id: undefined,
    parameters: {},
    binaryOutput: false,
  }
}
