/** Unix time in nanoseconds as ISO 8601 in UTC, to the millisecond; null for 0, which the plant uses for "not yet". */
export function describeTime(unixNs: bigint): string | null {
  return unixNs === 0n ? null : new Date(Number(unixNs / 1_000_000n)).toISOString()
}
