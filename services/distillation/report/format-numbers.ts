import type { Estimate } from '../../shared/statistics/interval.ts'
import { type Html, html } from './html.ts'

/** What stands where there is no number. */
export const missing = '–'

/** 1234567 as `1,234,567`. */
export function formatCount(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** Three significant digits, thousands grouped: `0.0123`, `1.20`, `45.6`, `1,230`. */
export function formatSignificant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return missing
  if (value === 0) return '0'
  const rounded = Number(value.toPrecision(digits))
  if (Math.abs(rounded) < 1e-4) return minus(value.toExponential(digits - 1))
  const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(Math.abs(rounded))))
  const options = { minimumFractionDigits: decimals, maximumFractionDigits: decimals }
  return minus(rounded.toLocaleString('en-US', options))
}

/** 6430000 as `6.43 M`; SI prefixes from a thousand on. */
export function formatMagnitude(value: number): string {
  const [factor, prefix] =
    value >= 1e9 ? [1e9, ' G'] : value >= 1e6 ? [1e6, ' M'] : value >= 1e3 ? [1e3, ' k'] : [1, '']
  return factor === 1 ? formatCount(value) : `${formatSignificant(value / factor)}${prefix}`
}

/** A share as per cent without the sign: 0.9731 as `97.3`. */
export function formatPercent(share: number | null, decimals = 1): string {
  return share === null ? missing : minus((100 * share).toFixed(decimals))
}

/** A difference of shares in points with its sign: 0.0042 as `+0.42`. */
export function formatPoints(difference: number | null, decimals = 2): string {
  if (difference === null) return missing
  const text = (100 * difference).toFixed(decimals)
  if (Number(text) === 0) return (0).toFixed(decimals)
  return difference > 0 ? `+${text}` : minus(text)
}

/** One decimal of a per cent, two where the interval is narrower than half a point. */
export function percentDecimals({ low, high }: Estimate): number {
  return low !== null && high !== null && high - low < 0.005 ? 2 : 1
}

/** The most decimals that any of a column's estimates needs, so that the column reads as one. */
export function columnDecimals(estimates: readonly Estimate[]): number {
  return Math.max(1, ...estimates.map(percentDecimals))
}

/** `96.1–98.2`, in per cent; a dash where there is none. */
export function formatPercentRange(estimate: Estimate, decimals = percentDecimals(estimate)): string {
  const { low, high } = estimate
  return low === null || high === null ? missing : `${formatPercent(low, decimals)}–${formatPercent(high, decimals)}`
}

/** `+0.42 (−0.11 to +0.95)`, in points. */
export function formatGain({ value, low, high }: Estimate, decimals = 2): string {
  if (value === null) return missing
  const interval =
    low === null || high === null ? '' : ` (${formatPoints(low, decimals)} to ${formatPoints(high, decimals)})`
  return `${formatPoints(value, decimals)}${interval}`
}

/** `120 (45–260)`, for ppm and other numbers of three significant digits. */
export function formatRate({ value, low, high }: Estimate): string {
  if (value === null) return missing
  const interval = low === null || high === null ? '' : ` (${formatSignificant(low)}–${formatSignificant(high)})`
  return `${formatSignificant(value)}${interval}`
}

/** A p-value: two significant digits, `< 0.001` below. */
export function formatP(p: number): string {
  return p < 0.001 ? '< 0.001' : p > 0.995 ? '1.0' : p.toPrecision(2)
}

/** 12900000 as `12.9 MB`. */
export function formatBytes(bytes: number): string {
  return bytes >= 1e6 ? `${formatSignificant(bytes / 1e6)} MB` : `${formatSignificant(bytes / 1e3)} kB`
}

/** Seconds as `45 s`, `12 min`, `3 h 05 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** A cell of two lines: the value in per cent, its interval smaller below. */
export function percentCell(estimate: Estimate, decimals = percentDecimals(estimate)): Html {
  if (estimate.value === null) return html`${missing}`
  return html`${formatPercent(estimate.value, decimals)}<small>${formatPercentRange(estimate, decimals)}</small>`
}

function minus(text: string): string {
  return text.replace('-', '−')
}
