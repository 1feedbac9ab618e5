import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'
import { PelletlineError } from '../errors/pelletline-error.ts'

/**
 * Most records of a message: texts, bytes, messages within it, fields that it does not know. Two bytes on the wire can
 * become an object of 300 in memory, so without a bound 16 MiB become some GiB. Numbers in lists are not counted.
 */
export const maxRecords = 65_536

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

function withinRecord(
  within: Within,
  number: number,
): { readonly known: boolean; readonly within: Within | undefined } {
  if ('message' in within) {
    const field = fieldOf(within.message, number)
    return { known: field !== undefined, within: withinField(field) }
  }
  const { message } = within.valuesOf
  return { known: true, within: number === 2 && message !== undefined ? { message } : undefined }
}

function count(reader: BinaryReader, end: number, inside: Within, before: number): number {
  let records = before
  while (reader.pos < end && records <= maxRecords) {
    const [number, type] = reader.tag()
    const { known, within } = withinRecord(inside, number)
    if (type === WireType.LengthDelimited || !known) records += 1
    if (type === WireType.LengthDelimited && within !== undefined) {
      const length = reader.uint32()
      records = count(reader, Math.min(end, reader.pos + length), within, records)
    } else reader.skip(type, number)
  }
  return records
}

/**
 * Refuses a message of more than `maxRecords` records before it is decoded, with `invalid_argument`. Bytes that are no
 * message pass: decoding says what is wrong with them.
 */
export function limitRecords(desc: DescMessage, bytes: Uint8Array): void {
  let records = 0
  try {
    records = count(new BinaryReader(bytes), bytes.length, { message: desc }, 0)
  } catch {
    return
  }
  if (records <= maxRecords) return
  const text = `A ${desc.typeName} has more than ${maxRecords} records (texts, bytes, messages); send fewer in one message.`
  throw new PelletlineError('invalid_argument', text)
}
