import pg from 'pg'

type Reader = (text: string) => unknown

const { builtins } = pg.types
// pg names no array types: numbers of PostgreSQL's pg_type.
const arrays: Readonly<Record<number, number>> = {
  1000: builtins.BOOL,
  1001: builtins.BYTEA,
  1005: builtins.INT2,
  1007: builtins.INT4,
  1009: builtins.TEXT,
  1015: builtins.VARCHAR,
  1016: builtins.INT8,
  1021: builtins.FLOAT4,
  1022: builtins.FLOAT8,
  1231: builtins.NUMERIC,
}

const readers: Readonly<Record<number, Reader>> = {
  [builtins.BOOL]: (text) => text === 't',
  [builtins.INT2]: Number,
  [builtins.INT4]: Number,
  [builtins.OID]: Number,
  [builtins.FLOAT4]: Number,
  [builtins.FLOAT8]: Number,
  // Always bigint: a number would lose what a uint64 carries, and a type that depends on the value is a trap.
  [builtins.INT8]: BigInt,
  [builtins.BYTEA]: (text) => new Uint8Array(Buffer.from(text.slice(2), 'hex')),
  [builtins.JSON]: (text) => JSON.parse(text),
  [builtins.JSONB]: (text) => JSON.parse(text),
}

const asText: Reader = (text) => text

// What pg exports under this name is not what its types say.
const arrayParser = pg.types.arrayParser as unknown as {
  create(text: string, read: Reader): { parse(): unknown[] }
}

/**
 * Reads columns exactly as PGlite gives them here: int8 as bigint, bytea as bytes of their own, other numbers as number,
 * numeric and text as text, arrays of these as arrays. Dates and times, which the store does not use, come as text.
 */
export const readTypes: pg.CustomTypesConfig = {
  getTypeParser(type: number) {
    const element = arrays[type]
    if (element === undefined) return readers[type] ?? asText
    return (text: string) => arrayParser.create(text, readers[element] ?? asText).parse()
  },
} as pg.CustomTypesConfig
