import { PelletlineError } from '../errors/pelletline-error.ts'

/** What one kind of packed columns is made of. */
export interface PackedLayout {
  /** What the rows are, for messages: `pellet`. */
  readonly rows: string
  /** Column ids 1..255 by name; an id is never given a second meaning. */
  readonly ids: Readonly<Record<string, number>>
  /** Columns of float32; the others hold whole numbers of 32 bit. */
  readonly floats: ReadonlySet<string>
  /** Columns that may be missing, since rows were written before they were thought of. */
  readonly optional: ReadonlySet<string>
}

/** One number per row in each column. */
export type PackedValues = { readonly [name: string]: readonly number[] | undefined }

interface Encoding {
  readonly id: number
  readonly bytes: number
  readonly min: number
  readonly max: number
  readonly get: (view: DataView, at: number) => number
  readonly set: (view: DataView, at: number, value: number) => void
}

function whole(id: number, bytes: 1 | 2 | 4, signed: boolean): Encoding {
  const bits = bytes * 8
  const method = `${signed ? 'Int' : 'Uint'}${bits}` as 'Int8' | 'Int16' | 'Int32' | 'Uint8' | 'Uint16' | 'Uint32'
  return {
    id,
    bytes,
    min: signed ? -(2 ** (bits - 1)) : 0,
    max: signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1,
    get: (view, at) => view[`get${method}`](at, true),
    set: (view, at, value) => view[`set${method}`](at, value, true),
  }
}

const wholeEncodings = [
  whole(1, 1, false),
  whole(4, 1, true),
  whole(2, 2, false),
  whole(5, 2, true),
  whole(3, 4, false),
  whole(6, 4, true),
]
const float: Encoding = {
  id: 9,
  bytes: 4,
  min: Number.NEGATIVE_INFINITY,
  max: Number.POSITIVE_INFINITY,
  get: (view, at) => view.getFloat32(at, true),
  set: (view, at, value) => view.setFloat32(at, value, true),
}
const constantFloat: Encoding = { ...float, id: 7 }
const constantWhole: Encoding = { ...whole(8, 4, true) }
const encodings = new Map(
  [...wholeEncodings, float, constantFloat, constantWhole].map((encoding) => [encoding.id, encoding] as const),
)
const isConstant = (encoding: Encoding) => encoding.id === constantFloat.id || encoding.id === constantWhole.id

function chooseEncoding(layout: PackedLayout, name: string, values: readonly number[]): Encoding {
  const first = values[0] ?? 0
  const constant = values.every((value) => Object.is(value, first))
  if (layout.floats.has(name)) return constant ? constantFloat : float
  let min = first
  let max = first
  for (const value of values) {
    if (!Number.isInteger(value)) throw invalid(layout, `column ${name} holds ${value}; it takes whole numbers`)
    if (value < min) min = value
    if (value > max) max = value
  }
  if (constant && min >= constantWhole.min && max <= constantWhole.max) return constantWhole
  const chosen = wholeEncodings.find((encoding) => min >= encoding.min && max <= encoding.max)
  if (chosen === undefined) throw invalid(layout, `column ${name} runs from ${min} to ${max}; it takes 32 bit`)
  return chosen
}

function invalid(layout: PackedLayout, what: string): PelletlineError {
  const subject = `${layout.rows[0]?.toUpperCase()}${layout.rows.slice(1)}`
  return new PelletlineError('invalid_argument', `${subject} columns cannot be packed: ${what}.`)
}

/**
 * Packs the columns of `count` rows by version 1 of this layout; all numbers are little-endian.
 *
 * ```
 * u8  version = 1
 * u8  number of columns C
 * u16 0
 * u32 number of rows N
 * C x { u8 column id, u8 encoding, u16 0 }
 * C x values: one value for encoding 7 (constant float32) and 8 (constant int32), else N values of the encoding's width
 * ```
 *
 * Encodings: 1 u8, 2 u16, 3 u32, 4 i8, 5 i16, 6 i32, 9 f32, and the two constants; a writer takes the narrowest that
 * holds every value, so a reader gets exactly what was written. A reader passes over ids it does not know, so a column may
 * be added without a new version. An optional column that is not given is not written.
 */
export function packTable(layout: PackedLayout, columns: PackedValues, count: number): Uint8Array {
  const plan = Object.entries(layout.ids).flatMap(([name, id]) => {
    const values = columns[name]
    if (values === undefined && layout.optional.has(name)) return []
    if (values?.length !== count) {
      throw invalid(layout, `column ${name} has ${values?.length} values for ${count} ${layout.rows}s`)
    }
    return [{ id, values, encoding: chooseEncoding(layout, name, values) }]
  })
  const size = plan.reduce((sum, { encoding }) => sum + encoding.bytes * (isConstant(encoding) ? 1 : count), 0)
  const bytes = new Uint8Array(8 + 4 * plan.length + size)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, 1)
  view.setUint8(1, plan.length)
  view.setUint32(4, count, true)
  let at = 8
  for (const { id, encoding } of plan) {
    view.setUint8(at, id)
    view.setUint8(at + 1, encoding.id)
    at += 4
  }
  for (const { values, encoding } of plan) {
    const length = isConstant(encoding) ? 1 : count
    for (let index = 0; index < length; index += 1) {
      encoding.set(view, at, values[index] ?? 0)
      at += encoding.bytes
    }
  }
  return bytes
}

/**
 * Reads packed columns of any layout version known so far; an optional column that was not written is not given. Throws
 * `data_loss` where the bytes are of a newer version, cut, or without one of the other columns.
 */
export function unpackTable(
  layout: PackedLayout,
  bytes: Uint8Array,
): { readonly count: number; readonly columns: Readonly<Record<string, readonly number[]>> } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const damaged = (what: string) =>
    new PelletlineError('data_loss', `Packed ${layout.rows} columns are ${what}. Restore the row from a backup.`)
  if (bytes.length < 8) throw damaged(`cut: ${bytes.length} bytes`)
  const version = view.getUint8(0)
  if (version !== 1) throw damaged(`of layout version ${version}, this program reads 1`)
  const columnCount = view.getUint8(1)
  const count = view.getUint32(4, true)
  let at = 8 + 4 * columnCount
  const found = new Map<number, number[]>()
  for (let column = 0; column < columnCount; column += 1) {
    const head = 8 + 4 * column
    if (head + 4 > bytes.length) throw damaged('cut within their directory')
    const encoding = encodings.get(view.getUint8(head + 1))
    if (encoding === undefined) throw damaged(`in encoding ${view.getUint8(head + 1)}, which does not exist`)
    const length = isConstant(encoding) ? 1 : count
    if (at + length * encoding.bytes > bytes.length) throw damaged(`cut: ${bytes.length} bytes`)
    const values = Array.from({ length }, (_, index) => encoding.get(view, at + index * encoding.bytes))
    at += length * encoding.bytes
    found.set(view.getUint8(head), isConstant(encoding) ? Array(count).fill(values[0]) : values)
  }
  const entries = Object.entries(layout.ids).flatMap(([name, id]) => {
    const values = found.get(id)
    if (values !== undefined) return [[name, values] as const]
    if (layout.optional.has(name)) return []
    throw damaged(`without the column ${name}`)
  })
  return { count, columns: Object.fromEntries(entries) }
}
