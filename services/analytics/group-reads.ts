/**
 * Reads by key in groups: what is asked for while a read is under way is read by the next, all together, so that many callers
 * cost the store what one does. Whatever a caller is answered was read after it asked.
 *
 * `readAll` answers values by key; a key that it leaves out is answered undefined. At most `limit` keys are read at once.
 */
export function createGroupedReads<V>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  limit: number,
): (key: string) => Promise<V | undefined> {
  const waiting = new Map<string, PromiseWithResolvers<V | undefined>>()
  let isReading = false

  const readWaiting = async () => {
    while (waiting.size > 0) {
      const group = [...waiting].slice(0, limit)
      for (const [key] of group) waiting.delete(key)
      try {
        const found = await readAll(group.map(([key]) => key))
        for (const [key, { resolve }] of group) resolve(found.get(key))
      } catch (reason) {
        for (const [, { reject }] of group) reject(reason)
      }
    }
    isReading = false
  }

  return (key) => {
    const asked = waiting.get(key) ?? Promise.withResolvers<V | undefined>()
    waiting.set(key, asked)
    if (!isReading) {
      isReading = true
      // Callers of the same turn are one group.
      queueMicrotask(() => void readWaiting())
    }
    return asked.promise
  }
}
