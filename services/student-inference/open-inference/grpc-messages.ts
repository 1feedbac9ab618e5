import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  InferParameter,
  InferTensorContents,
  ModelInferRequest,
  ModelInferRequest_InferInputTensor,
  ModelInferResponseSchema,
} from '../../gen/third_party/inference/grpc_service_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { checkEchoed, isShortId, refuseInput } from './check-input.ts'
import type { CallInput, InferCall, InputData } from './infer-call.ts'
import { asLittleEndian } from './little-endian.ts'
import type { InferAnswer } from './run-infer.ts'

/** Fields of numbers, and the element types that the protocol puts into each, as far as a model here may take them. */
const numberFields = [
  { field: 'uintContents', datatypes: ['UINT8'] },
  { field: 'fp32Contents', datatypes: ['FP32'] },
  { field: 'boolContents', datatypes: [] },
  { field: 'intContents', datatypes: [] },
  { field: 'int64Contents', datatypes: [] },
  { field: 'uint64Contents', datatypes: [] },
  { field: 'fp64Contents', datatypes: [] },
  { field: 'bytesContents', datatypes: [] },
] as const

function readContents(name: string, contents: InferTensorContents | undefined): InputData {
  if (contents === undefined) return { kind: 'none' }
  const filled = numberFields.filter(({ field }) => contents[field].length > 0)
  const [only, ...others] = filled
  if (only === undefined) return { kind: 'none' }
  if (others.length > 0)
    throw refuseInput(`inputs.${name.slice(0, 64)}.contents`, 'more than one of its fields is filled; fill one')
  // Only the two fields of numbers have a type that a model may take; the others are refused by that.
  const numbers = contents[only.field] as ArrayLike<number>
  return { kind: 'numbers', numbers, datatypes: only.datatypes }
}

function readInput(request: ModelInferRequest, input: ModelInferRequest_InferInputTensor, at: number): CallInput {
  const { rawInputContents } = request
  const { name, datatype, shape, parameters, contents } = input
  const data: InputData =
    rawInputContents.length > 0 ? { kind: 'raw', bytes: rawInputContents[at]! } : readContents(name, contents)
  return { name, datatype, shape, data, parameters: Object.keys(parameters) }
}

function readTimeout(parameter: InferParameter | undefined): number | bigint | undefined {
  const choice = parameter?.parameterChoice
  if (choice?.case === undefined) return undefined
  if (choice.case === 'int64Param' || choice.case === 'uint64Param') return choice.value
  throw refuseInput('parameters.timeout', 'it is no whole number; give microseconds')
}

/** Reads a request of the gRPC half; throws `invalid_argument` where its raw contents do not belong to its inputs, or its id is too long. */
export function readInferRequest(request: ModelInferRequest): InferCall {
  const { modelName, modelVersion, inputs, outputs, rawInputContents, parameters } = request
  const values = Object.entries(parameters).map(([name, { parameterChoice }]) => [name, parameterChoice.value] as const)
  checkEchoed(request.id, values)
  if (rawInputContents.length > 0) {
    if (rawInputContents.length !== inputs.length) {
      throw refuseInput('raw_input_contents', `${rawInputContents.length} entries; there are ${inputs.length} inputs`)
    }
    const twice = inputs.find(({ contents }) => contents !== undefined)
    if (twice !== undefined) {
      throw refuseInput(
        `inputs.${twice.name.slice(0, 64)}.contents`,
        'it is given beside raw_input_contents; give one of them',
      )
    }
  }
  return {
    model: modelName,
    version: modelVersion,
    inputs: inputs.map((input, at) => readInput(request, input, at)),
    outputs: outputs.map((output) => ({ name: output.name, parameters: Object.keys(output.parameters) })),
    timeoutUs: readTimeout(parameters['timeout']),
  }
}

/** The answer to a request: id and parameters come back, the output travels as the input did, raw or as numbers. */
export function writeInferResponse(
  { id, parameters, rawInputContents }: ModelInferRequest,
  { model, count, elements }: InferAnswer,
): MessageInitShape<typeof ModelInferResponseSchema> {
  const raw = rawInputContents.length > 0
  const { name, datatype, itemShape } = model.output
  const shape = [BigInt(count), ...itemShape.map(BigInt)]
  // Without the unknown fields of a parameter, whose bytes nobody has counted.
  const echoed = Object.entries(parameters).map(([key, { parameterChoice }]) => [key, { parameterChoice }] as const)
  return {
    modelName: model.name,
    modelVersion: model.version,
    id,
    parameters: Object.fromEntries(echoed),
    outputs: [{ name, datatype, shape, ...(raw ? {} : { contents: { fp32Contents: Array.from(elements) } }) }],
    rawOutputContents: raw ? [asLittleEndian(elements)] : [],
  }
}

/** What a stream says of a request that failed: the message, and the id by which the caller knows the request, unless that is too long. */
export function writeStreamError(id: string, reason: unknown) {
  const message = PelletlineError.from(reason).message || 'the request failed'
  // A copy: a text that quotes a part of a request would keep all of it in memory.
  const errorMessage = Buffer.from(message).toString()
  return { errorMessage, inferResponse: { id: isShortId(id) ? id : '' } }
}
