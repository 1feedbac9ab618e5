import { asLittleEndian } from '../little-endian.ts'
import type { InferAnswer } from '../run-infer.ts'
import type { RestRequest } from './read-rest-request.ts'
import { jsonReply, type RestReply } from './rest-reply.ts'

/** The answer to a request: id and parameters come back, the output within the JSON or as bytes after it. */
export function writeRestAnswer(request: RestRequest, { model, count, elements }: InferAnswer): RestReply {
  const { id, parameters, binaryOutput } = request
  const { name, datatype, itemShape } = model.output
  const tensor = { name, datatype, shape: [count, ...itemShape] }
  const data = binaryOutput ? { parameters: { binary_data_size: elements.byteLength } } : { data: Array.from(elements) }
  const json = {
    model_name: model.name,
    model_version: model.version,
    ...(id === undefined ? {} : { id }),
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    outputs: [{ ...tensor, ...data }],
  }
  if (!binaryOutput) return jsonReply(200, json)
  const header = Buffer.from(JSON.stringify(json))
  return {
    status: 200,
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    },
    body: [header, asLittleEndian(elements)],
  }
}
