/**
 * One line of JSON: typed arrays become arrays, a bigint a number (a string beyond 2^53), NaN and the infinities null.
 */
export function stringifyJson(value: unknown): string {
  return JSON.stringify(value, (_key, entry: unknown) => {
    if (typeof entry === 'bigint') {
      return entry >= Number.MIN_SAFE_INTEGER && entry <= Number.MAX_SAFE_INTEGER ? Number(entry) : entry.toString()
    }
    if (ArrayBuffer.isView(entry) && !(entry instanceof DataView)) return Array.from(entry as Uint8Array)
    return entry
  })
}
