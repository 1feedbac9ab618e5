import type { Kysely } from 'kysely'
import type { Lead, LeadName } from './lead.ts'
import type { Tables } from './tables.ts'

/** An open database; the one who opened it closes it. */
export interface Store {
  readonly db: Kysely<Tables>
  /**
   * Takes the lead of that name for this process, where no other on the same database has it; undefined where one has.
   * Throws `unavailable` where the database does not answer.
   */
  tryLead(name: LeadName): Promise<Lead | undefined>
  /**
   * Gives the room of a table's deleted rows back to it, where the database does not do so by itself: PGlite has no autovacuum.
   * Nothing else is answered meanwhile.
   */
  reclaim(table: keyof Tables): Promise<void>
  /**
   * Keeps the numbers of transactions from running out, where the database does not do so by itself; to be called every few hours,
   * and changes nothing where few transactions have been since the last time. Nothing else is answered meanwhile.
   */
  freeze(): Promise<void>
  /** Releases the leads that were taken, and ends the database after the statements in progress. */
  close(): Promise<void>
}
