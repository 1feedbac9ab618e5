// The query builder stands behind this folder like the drivers do: the rest of the code imports it from here.
export { type Insertable, type Kysely, type Selectable, sql, type Transaction } from 'kysely'
export type { Lead, LeadName } from './lead.ts'
export { type DatabaseOptions, openDatabase } from './open-database.ts'
export { type ColumnName, columnIds, type PelletColumnValues, packColumns, unpackColumns } from './pack-columns.ts'
export { packSpecks, type SpeckColumnValues, unpackSpecks } from './pack-specks.ts'
export { checkPostgres, migratePostgres } from './postgres/open-postgres.ts'
export type { Store } from './store.ts'
export type { LotStateNumber, Tables } from './tables.ts'
