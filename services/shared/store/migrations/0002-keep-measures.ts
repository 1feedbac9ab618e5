import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const shapes = ['regular', 'fines', 'tails', 'twins', 'clusters']
const sums = [...shapes, 'specked', 'specks_measured', 'gray_pellets', 'gray_milli']

const statements = [
  // Parts of before have none, and so has a part without a speck.
  'alter table strip_parts add column specks bytea',
  `create table lot_measures (
    lot_id bigint primary key references lots,
    ${sums.map((name) => `${name} bigint not null`).join(', ')}) with (fillfactor = 50)`,
  `create table lot_histograms (
    lot_id bigint not null references lots, quantity smallint not null, unit smallint not null, class smallint not null,
    pieces bigint not null,
    primary key (lot_id, quantity, unit, class)) with (fillfactor = 50)`,
]

/** Specks of strip parts, sums of measures and histograms of sizes per lot. */
export const keepMeasures: Migration = {
  version: 2,
  name: 'keep-measures',
  async up(transaction) {
    for (const statement of statements) await sql.raw(statement).execute(transaction)
  },
}
