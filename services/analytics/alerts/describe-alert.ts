import type { AlertDecision } from './decide-alert.ts'
import type { StripsSeen } from './strips-window.ts'

// Each of these is one sentence for the operator: what, where, the next step.

/** `1.25 %` of a share 0..1. */
function percent(share: number): string {
  return `${(share * 100).toPrecision(3)} %`
}

/** Student and teachers disagree. */
export function describeDisagreement(line: string, { value, audited }: AlertDecision, limit: number): string {
  return `Student and teachers disagree on ${percent(value.value)} of the pellets of ${line} (95 % interval ${percent(value.lower)} to ${percent(value.upper)}, limit ${percent(limit)}, ${audited} audited): look at the disagreeing pellets, the light and the window of the camera, and the product.`
}

/** Rows were lost. */
export function describeRowsLost(line: string, { value }: AlertDecision, limit: number): string {
  return `${line} lost ${percent(value.value)} of its rows (limit ${percent(limit)}): look at the load of the plant and the link to the camera.`
}

/** Ranges of columns that a sentence names; the rest is a number. */
const maxRanges = 8

/** Dirt stands on columns of a camera. */
export function describeDirt(line: string, { strips, dirty, newestDirty }: StripsSeen): string {
  const ranges = newestDirty?.dirtyColumns ?? []
  const named = ranges.slice(0, maxRanges).map(({ from, to }) => (to - from > 1 ? `${from} to ${to - 1}` : `${from}`))
  const more = ranges.length > maxRanges ? [`${ranges.length - maxRanges} more`] : []
  const columns = [...named, ...more].join(', ')
  return `Dirt or dead pixels stand at columns ${columns} of ${newestDirty?.camera} of ${line} (${dirty} of the last ${strips} strips): clean the window and the lens; where it stays, calibrate or have the camera looked at.`
}

/** Light or product has changed so that pellets are not told from the bed, or their size is not known. */
export function describeLight(line: string, { strips, lightLost, sizeLost, lost }: StripsSeen): string {
  const light = lightLost > 0 ? ['bed and pellets are not told apart'] : []
  const size = sizeLost > 0 ? ['the sizes of pellets have no one middle'] : []
  return `On ${line} ${[...light, ...size].join(' and ')} (${lost} of the last ${strips} strips): do not trust its verdicts; look at the light, the belt and the product, and at the recipe.`
}
