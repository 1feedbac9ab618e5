/** Most names in one message. */
const most = 8

/** Names for a message: the first few, and how many more there are; `none` where there is none. */
export function nameFew(names: readonly string[], none: string): string {
  if (names.length === 0) return none
  const more = names.length - most
  return `${names.slice(0, most).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
