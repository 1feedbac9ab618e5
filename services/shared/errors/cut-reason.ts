/** Longest reason that goes into a report, in UTF-16 units. */
const longestReason = 300
/** Of that, what is kept of the end: a message ends with the next step. */
const keptOfEnd = 80

/** A reason short enough to be sent, kept and listed over and over: beginning and end of what is longer. */
export function cutReason(text: string): string {
  if (text.length <= longestReason) return text
  const gap = ' … '
  const begin = text.slice(0, longestReason - keptOfEnd - gap.length)
  return `${begin}${gap}${text.slice(-keptOfEnd)}`.toWellFormed()
}
