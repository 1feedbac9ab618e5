const unitsMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000 }

/** Longest time that a timer of Node takes, ms: 24.8 days. */
export const longestTimerMs = 2 ** 31 - 1

/**
 * A `grpc-timeout` as grpc-js can carry it: one that is beyond the longest timer becomes that long. grpc-js cuts the
 * milliseconds to 32 bits, so that a deadline in a month may already have passed; the units below a second do not reach it.
 */
export function capTimeout(header: string): string {
  const [, digits, unit] = /(\d{1,8})\s*([HMSmun])/.exec(header) ?? []
  const ms = Number(digits) * (unitsMs[unit ?? ''] ?? 0)
  return ms > longestTimerMs ? `${Math.floor(longestTimerMs / 1000)}S` : header
}
