import type { Tables, Transaction } from '../../shared/store/index.ts'
import { addCounts, sumBy } from './count-sums.ts'

/** A row of `lot_counts` that adds nothing but what is put in its place. */
const noCounts = {
  rows_acquired: 0n,
  rows_lost: 0n,
  strips: 0n,
  found: 0n,
  classified: 0n,
  screened: 0n,
  shed: 0n,
  not_judged: 0n,
  cluster: 0n,
  oversize: 0n,
  image_edge: 0n,
  cut_by_lost_rows: 0n,
  ng: 0n,
  dust: 0n,
  audit_sampled: 0n,
}

/** What audited pellets add to the sums of their lot; what is taken back is negative. */
export interface AuditCount {
  readonly lot_id: bigint
  readonly stratum: number
  readonly inclusion_probability: number
  readonly audited: bigint
  readonly disagreed: bigint
}

/** Adds audited pellets to the sums of their lots. */
export async function addAuditCounts(transaction: Transaction<Tables>, counts: readonly AuditCount[]): Promise<void> {
  const keyOf = (row: AuditCount) => `${row.lot_id}/${row.stratum}/${row.inclusion_probability}`
  const sums = sumBy(counts, keyOf, ['audited', 'disagreed'])
  await addCounts(transaction, 'lot_audits', ['lot_id', 'stratum', 'inclusion_probability'], sums)
  const audited = sumBy(counts, (row) => String(row.lot_id), ['audited']).map(({ lot_id, audited }) => ({
    ...noCounts,
    lot_id,
    audited,
  }))
  await addCounts(transaction, 'lot_counts', ['lot_id'], audited)
}
