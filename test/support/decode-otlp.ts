import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

// Reads an ExportTraceServiceRequest by the field numbers of opentelemetry/proto/trace/v1/trace.proto (1.7), not by the code
// that wrote it.

/** A span as a collector gets it. */
export interface ReceivedSpan {
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  /** Empty for a root. */
  readonly parentSpanId: string
  /** SPAN_KIND_*: 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Readonly<Record<string, unknown>>
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  /** STATUS_CODE_*: 0 unset, 1 ok, 2 error. */
  readonly status: number
  /** Attributes of its resource. */
  readonly resource: Readonly<Record<string, unknown>>
}

type Fields = ReadonlyMap<number, readonly (Uint8Array | bigint)[]>

/** Fields of one message by number: length-delimited ones as bytes, all others as numbers. */
function readFields(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes)
  const fields = new Map<number, (Uint8Array | bigint)[]>()
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag()
    const values = fields.get(number) ?? []
    fields.set(number, values)
    if (wireType === WireType.LengthDelimited) values.push(reader.bytes())
    else if (wireType === WireType.Varint) values.push(BigInt(reader.int64()))
    else if (wireType === WireType.Bit64) values.push(BigInt(reader.fixed64()))
    else if (wireType === WireType.Bit32) values.push(BigInt(reader.fixed32()))
    else throw new TypeError(`Field ${number} has wire type ${wireType}, which OTLP does not use.`)
  }
  return fields
}

const none = new Uint8Array(0)
const messagesOf = (fields: Fields, number: number) => (fields.get(number) ?? []) as readonly Uint8Array[]
const bytesOf = (fields: Fields, number: number) => messagesOf(fields, number)[0] ?? none
const textOf = (fields: Fields, number: number) => Buffer.from(bytesOf(fields, number)).toString('utf8')
const hexOf = (fields: Fields, number: number) => Buffer.from(bytesOf(fields, number)).toString('hex')
const numberOf = (fields: Fields, number: number) => (fields.get(number)?.[0] ?? 0n) as bigint

/** AnyValue: text, bool, int, double. */
function readValue(bytes: Uint8Array): unknown {
  const fields = readFields(bytes)
  if (fields.has(1)) return textOf(fields, 1)
  if (fields.has(2)) return numberOf(fields, 2) === 1n
  if (fields.has(3)) return Number(BigInt.asIntN(64, numberOf(fields, 3)))
  if (fields.has(4)) return new Float64Array(new BigUint64Array([numberOf(fields, 4)]).buffer)[0]
  throw new TypeError('An attribute has a value of a kind that Pelletline does not write.')
}

function readAttributes(pairs: readonly Uint8Array[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const fields = readFields(pair)
      return [textOf(fields, 1), readValue(bytesOf(fields, 2))]
    }),
  )
}

function readSpan(bytes: Uint8Array, resource: Record<string, unknown>): ReceivedSpan {
  const fields = readFields(bytes)
  return {
    name: textOf(fields, 5),
    traceId: hexOf(fields, 1),
    spanId: hexOf(fields, 2),
    parentSpanId: hexOf(fields, 4),
    kind: Number(numberOf(fields, 6)),
    startNs: numberOf(fields, 7),
    endNs: numberOf(fields, 8),
    attributes: readAttributes(messagesOf(fields, 9)),
    links: messagesOf(fields, 13).map((link) => {
      const linked = readFields(link)
      return { traceId: hexOf(linked, 1), spanId: hexOf(linked, 2) }
    }),
    status: Number(numberOf(readFields(bytesOf(fields, 15)), 3)),
    resource,
  }
}

/** Spans of one request in the order in which they were sent. */
export function decodeTraceRequest(body: Uint8Array): ReceivedSpan[] {
  return messagesOf(readFields(body), 1).flatMap((bytes) => {
    const resourceSpans = readFields(bytes)
    const resource = readAttributes(messagesOf(readFields(bytesOf(resourceSpans, 1)), 1))
    return messagesOf(resourceSpans, 2).flatMap((scope) =>
      messagesOf(readFields(scope), 2).map((span) => readSpan(span, resource)),
    )
  })
}
