import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { PelletlineError } from '../errors/pelletline-error.ts'

/**
 * Most records of a message: texts, bytes, messages within it, fields that it does not know, and numbers of 64 bits in
 * lists, which become an object each. Two bytes on the wire can become an object of 300 in memory, so without a bound
 * 16 MiB become some GiB.
 */
export const maxRecords = 65_536

/** Most other numbers of a message, packed or not: 419 crops of 50 x 50 px as numbers. One of them costs some 0.1 us and 8 bytes. */
export const maxNumbers = 1_048_576

const fieldsOf = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>()

function fieldOf(desc: DescMessage, number: number): DescField | undefined {
  let fields = fieldsOf.get(desc)
  if (fields === undefined) {
    fields = new Map(desc.fields.map((field) => [field.number, field]))
    fieldsOf.set(desc, fields)
  }
  return fields.get(number)
}

/** What lies within a record: the message of a field, or of the values of a map (their entries are records as well). */
type Within = { readonly message: DescMessage } | { readonly valuesOf: DescField & { readonly fieldKind: 'map' } }

function withinField(field: DescField | undefined): Within | undefined {
  if (field?.fieldKind === 'map') return { valuesOf: field }
  return field?.message === undefined ? undefined : { message: field.message }
}

/** How the numbers of a list lie in a packed record, and what they count as. */
interface PackedNumbers {
  /** Bytes of one; undefined where it is one to ten. */
  readonly size: number | undefined
  readonly countAs: 'records' | 'numbers'
}

const varint: PackedNumbers = { size: undefined, countAs: 'numbers' }
const varint64: PackedNumbers = { size: undefined, countAs: 'records' }
const fixed32: PackedNumbers = { size: 4, countAs: 'numbers' }
const fixed64: PackedNumbers = { size: 8, countAs: 'records' }

const packedScalars: Readonly<Partial<Record<ScalarType, PackedNumbers>>> = {
  [ScalarType.BOOL]: varint,
  [ScalarType.INT32]: varint,
  [ScalarType.UINT32]: varint,
  [ScalarType.SINT32]: varint,
  [ScalarType.INT64]: varint64,
  [ScalarType.UINT64]: varint64,
  [ScalarType.SINT64]: varint64,
  [ScalarType.FIXED32]: fixed32,
  [ScalarType.SFIXED32]: fixed32,
  [ScalarType.FLOAT]: fixed32,
  [ScalarType.FIXED64]: fixed64,
  [ScalarType.SFIXED64]: fixed64,
  // A double becomes a plain number.
  [ScalarType.DOUBLE]: { size: 8, countAs: 'numbers' },
}

function packedNumbers(field: DescField | undefined): PackedNumbers | undefined {
  if (field?.fieldKind !== 'list') return undefined
  if (field.listKind === 'enum') return varint
  return field.listKind === 'scalar' ? packedScalars[field.scalar] : undefined
}

interface Counts {
  records: number
  numbers: number
}

const longestVarint = 10
const limitOf: Readonly<Record<keyof Counts, number>> = { records: maxRecords, numbers: maxNumbers }
const isTooMany = ({ records, numbers }: Counts) => records > maxRecords || numbers > maxNumbers

/** Counts the numbers of a packed record as far as the bound. */
function countPacked(bytes: Uint8Array, { size, countAs }: PackedNumbers, counts: Counts): void {
  if (size !== undefined) {
    counts[countAs] += Math.floor(bytes.length / size)
    return
  }
  const limit = limitOf[countAs]
  // Whatever the bytes are, there are no fewer numbers than this.
  let numbers = counts[countAs] + Math.floor(bytes.length / longestVarint)
  if (numbers <= limit) {
    numbers = counts[countAs]
    for (let i = 0; i < bytes.length && numbers <= limit; i += 1) if (bytes[i]! < 0x80) numbers += 1
  }
  counts[countAs] = numbers
}

/** A field within a record, as far as counting goes. */
interface Found {
  readonly known: boolean
  readonly within: Within | undefined
  readonly packed: PackedNumbers | undefined
}

function findField(inside: Within, number: number): Found {
  if ('message' in inside) {
    const field = fieldOf(inside.message, number)
    return { known: field !== undefined, within: withinField(field), packed: packedNumbers(field) }
  }
  const { message } = inside.valuesOf
  const within = number === 2 && message !== undefined ? { message } : undefined
  return { known: true, within, packed: undefined }
}

function count(reader: BinaryReader, bytes: Uint8Array, end: number, inside: Within, counts: Counts): void {
  while (reader.pos < end && !isTooMany(counts)) {
    const [number, type] = reader.tag()
    const { known, within, packed } = findField(inside, number)
    if (type !== WireType.LengthDelimited) {
      counts[known ? (packed?.countAs ?? 'numbers') : 'records'] += 1
      reader.skip(type, number)
      continue
    }
    counts.records += 1
    const length = reader.uint32()
    const recordEnd = Math.min(end, reader.pos + length)
    if (within !== undefined) count(reader, bytes, recordEnd, within, counts)
    else {
      if (packed !== undefined) countPacked(bytes.subarray(reader.pos, recordEnd), packed, counts)
      reader.pos = recordEnd
    }
  }
}

/**
 * Refuses a message of more than `maxRecords` records or `maxNumbers` numbers before it is decoded, with
 * `invalid_argument`. Bytes that are no message pass: decoding says what is wrong with them.
 */
export function limitRecords(desc: DescMessage, bytes: Uint8Array): void {
  const counts: Counts = { records: 0, numbers: 0 }
  try {
    count(new BinaryReader(bytes), bytes, bytes.length, { message: desc }, counts)
  } catch {
    return
  }
  if (!isTooMany(counts)) return
  const what =
    counts.records > maxRecords
      ? `${maxRecords} records (texts, bytes, messages, numbers of 64 bits in lists); send fewer in one message`
      : `${maxNumbers} numbers; send fewer in one message, or as bytes where it has a field of bytes for them`
  throw new PelletlineError('invalid_argument', `A ${desc.typeName} has more than ${what}.`)
}
