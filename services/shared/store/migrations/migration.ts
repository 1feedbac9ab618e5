import type { Transaction } from 'kysely'

/** One step of the schema. A released migration is never edited; a change is the next one. */
export interface Migration {
  /** Number, from 1, without gaps. */
  readonly version: number
  readonly name: string
  /** Statements, each run alone, in order, within one transaction with the version's row. */
  up(transaction: Transaction<unknown>): Promise<void>
}
