import { PelletlineError } from '../errors/pelletline-error.ts'

/**
 * Layout of `strip_parts.columns`, version 1. All numbers are little-endian.
 *
 * ```
 * u8  version = 1
 * u8  number of columns C
 * u16 0
 * u32 number of pellets N
 * C x { u8 column id, u8 encoding, u16 0 }
 * C x values: one value for encoding 7 (constant float32) and 8 (constant int32), else N values of the encoding's width
 * ```
 *
 * Encodings: 1 u8, 2 u16, 3 u32, 4 i8, 5 i16, 6 i32, 9 f32, and the two constants; a writer takes the narrowest that
 * holds every value, so a reader gets exactly what was written. Column ids are below and are never given a second
 * meaning; a reader passes over ids it does not know, so a column may be added without a new version.
 */
export const columnIds = {
  x: 1,
  y: 2,
  width: 3,
  height: 4,
  areaPx: 5,
  equivalentDiameterPx: 6,
  aspectRatio: 7,
  roundness: 8,
  meanGray: 9,
  notJudged: 10,
  touchesBorder: 11,
  outcome: 12,
  margin: 13,
} as const

export type ColumnName = keyof typeof columnIds
/** One number per pellet in each column; whole numbers, or float32 for the columns of `floatColumns`. */
export type PelletColumnValues = { readonly [N in ColumnName]: readonly number[] }

const floatColumns: ReadonlySet<ColumnName> = new Set([
  'equivalentDiameterPx',
  'aspectRatio',
  'roundness',
  'meanGray',
  'margin',
])
const columnNames = Object.keys(columnIds) as ColumnName[]

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

function chooseEncoding(name: ColumnName, values: readonly number[]): Encoding {
  const first = values[0] ?? 0
  const constant = values.every((value) => Object.is(value, first))
  if (floatColumns.has(name)) return constant ? constantFloat : float
  let min = first
  let max = first
  for (const value of values) {
    if (!Number.isInteger(value)) throw invalid(`column ${name} holds ${value}; it takes whole numbers`)
    if (value < min) min = value
    if (value > max) max = value
  }
  if (constant && min >= constantWhole.min && max <= constantWhole.max) return constantWhole
  const chosen = wholeEncodings.find((encoding) => min >= encoding.min && max <= encoding.max)
  if (chosen === undefined) throw invalid(`column ${name} runs from ${min} to ${max}; it takes 32 bit`)
  return chosen
}

function invalid(what: string): PelletlineError {
  return new PelletlineError('invalid_argument', `Pellet columns cannot be packed: ${what}.`)
}

/** Packs the columns of `count` pellets by layout version 1; about 30 bytes per pellet. */
export function packColumns(columns: PelletColumnValues, count: number): Uint8Array {
  const plan = columnNames.map((name) => {
    const values = columns[name]
    if (values.length !== count) throw invalid(`column ${name} has ${values.length} values for ${count} pellets`)
    return { id: columnIds[name], values, encoding: chooseEncoding(name, values) }
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
 * Reads packed columns of any layout version known so far. Throws `data_loss` where the bytes are of a newer version,
 * cut, or without one of the columns.
 */
export function unpackColumns(bytes: Uint8Array): PelletColumnValues & { readonly count: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const damaged = (what: string) =>
    new PelletlineError('data_loss', `Packed pellet columns are ${what}. Restore the row from a backup.`)
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
  const entries = columnNames.map((name) => {
    const values = found.get(columnIds[name])
    if (values === undefined) throw damaged(`without the column ${name}`)
    return [name, values] as const
  })
  return { count, ...(Object.fromEntries(entries) as unknown as PelletColumnValues) }
}
