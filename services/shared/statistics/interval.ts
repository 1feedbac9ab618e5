/** An estimate with its interval; null where there is nothing to estimate from. */
export interface Estimate {
  readonly value: number | null
  readonly low: number | null
  readonly high: number | null
}

/** What a share of zero cases is. */
export const noEstimate: Estimate = { value: null, low: null, high: null }
