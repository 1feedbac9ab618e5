/** Whole number with thousands separators: 1234567 -> "1,234,567". */
export function formatCount(value: number | bigint): string {
  const whole = typeof value === 'bigint' ? value.toString() : Math.round(value).toFixed(0)
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}

/** A number with as many decimals as its size deserves, about three significant digits; "-" where there is none. */
export function formatQuantity(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '-'
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  const size = Math.abs(value)
  if (size >= 1000) return formatCount(value)
  if (size >= 100) return value.toFixed(0)
  if (size >= 10) return value.toFixed(1)
  if (size >= 1 || size === 0) return value.toFixed(2)
  return value.toPrecision(2)
}

/** A share 0..1 as percent: 0.98765 -> "98.77 %". */
export function formatPercent(share: number | undefined, decimals = 2): string {
  return share === undefined || Number.isNaN(share) ? '-' : `${(share * 100).toFixed(decimals)} %`
}

/** A time span given in ms: "350 ms", "1.2 s", "2 min 05 s", "1 h 02 min". */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`
}

function pad(value: number): string {
  return value.toString().padStart(2, '0')
}

/** A number of bytes: "2.5 kB", "81.3 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 ? value : formatQuantity(value)} ${units[unit]}`
}

/** An estimate with its interval, both through the same formatter: "12 (8 .. 17)". */
export function formatEstimate(
  estimate: { readonly value: number; readonly lower: number; readonly upper: number } | undefined,
  format: (value: number) => string = formatQuantity,
): string {
  if (estimate === undefined) return '-'
  return `${format(estimate.value)} (${format(estimate.lower)} .. ${format(estimate.upper)})`
}

/** A measured figure with its 95 % interval: "0.981 (0.970 .. 0.990)"; "-" where there was nothing to measure. */
export function formatInterval(
  estimate: { readonly value: number | null; readonly low: number | null; readonly high: number | null },
  format: (value: number) => string = formatQuantity,
): string {
  const { value, low, high } = estimate
  if (value === null) return '-'
  return low === null || high === null ? format(value) : `${format(value)} (${format(low)} .. ${format(high)})`
}
