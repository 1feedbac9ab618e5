export { type DatabaseOptions, openDatabase, type Store } from './open-database.ts'
export { type ColumnName, columnIds, type PelletColumnValues, packColumns, unpackColumns } from './pack-columns.ts'
export type { LotStateNumber, Tables } from './tables.ts'
