/** By what the age of a row is told. */
export interface RetirementTimes {
  /** Rows that were booked before are old enough, Unix ns. */
  readonly beforeNs: bigint
  /** The present time, Unix ns. */
  readonly nowNs: bigint
}

/**
 * Whether rows that are old enough may follow a page of `rows` rows. Rows are booked in the order of their positions, so none follow where
 * all of a page are young. One that is dated after now says nothing of those behind it: the clock that booked it was ahead.
 */
export function oldMayFollow(
  page: readonly { readonly booked_unix_ns: bigint }[],
  rows: number,
  { beforeNs, nowNs }: RetirementTimes,
): boolean {
  return page.length === rows && page.some((row) => row.booked_unix_ns < beforeNs || row.booked_unix_ns > nowNs)
}
