export interface GroupedReadsOptions {
  /** Most keys that are read at once. */
  readonly maxKeys: number
  /** How long a read may take, ms; then its keys are read once more beside it, with those that were asked for after it. */
  readonly patienceMs?: number
  /** Most reads beside each other. */
  readonly maxReads?: number
}

interface Caller<V> {
  readonly asked: PromiseWithResolvers<V | undefined>
  answered: boolean
}

/**
 * Reads by key in groups: what is asked for while a read is under way is read by the next, all together, so that many callers
 * cost the store what one does. Whatever a caller is answered was read after it asked. A read that does not come back, on a connection
 * that is dead, holds up its callers and those after them for the patience only; of two reads the first to end counts, also one that fails.
 *
 * `readAll` answers values by key; a key that it leaves out is answered undefined.
 */
export function createGroupedReads<V>(
  readAll: (keys: readonly string[]) => Promise<ReadonlyMap<string, V>>,
  { maxKeys, patienceMs = 1_000, maxReads = 4 }: GroupedReadsOptions,
): (key: string) => Promise<V | undefined> {
  const waiting = new Map<string, Set<Caller<V>>>()
  let reads = 0
  /** The read that the next one waits for. */
  let awaited: symbol | undefined

  const wait = (key: string, callers: Iterable<Caller<V>>) => {
    const others = waiting.get(key) ?? new Set()
    waiting.set(key, others)
    for (const caller of callers) others.add(caller)
  }
  /** Takes callers out of those who wait; whom another read has answered meanwhile is left out. */
  const takeGroup = () => {
    const group = new Map<string, readonly Caller<V>[]>()
    for (const [key, callers] of waiting) {
      if (group.size === maxKeys) break
      waiting.delete(key)
      const left = [...callers].filter(({ answered }) => !answered)
      if (left.length > 0) group.set(key, left)
    }
    return group
  }

  const readNext = () => {
    if (awaited !== undefined || reads === maxReads) return
    const group = takeGroup()
    if (group.size === 0) return
    const read = Symbol()
    awaited = read
    reads++
    const goOn = () => {
      if (awaited === read) awaited = undefined
      readNext()
    }
    const patience = setTimeout(() => {
      for (const [key, callers] of group) wait(key, callers)
      goOn()
    }, patienceMs)
    const answer = (tell: (asked: Caller<V>['asked'], key: string) => void) => {
      clearTimeout(patience)
      for (const [key, callers] of group) {
        for (const caller of callers) {
          caller.answered = true
          tell(caller.asked, key)
        }
      }
      reads--
      goOn()
    }
    void readAll([...group.keys()]).then(
      (found) => answer(({ resolve }, key) => resolve(found.get(key))),
      (reason) => answer(({ reject }) => reject(reason)),
    )
  }

  return (key) => {
    const asked = Promise.withResolvers<V | undefined>()
    wait(key, [{ asked, answered: false }])
    // Callers of the same turn are one group.
    queueMicrotask(readNext)
    return asked.promise
  }
}
