/**
 * How far a group has come on one partition, while messages are handled several at once and end in any order. What may be
 * committed is the lowest offset that has not been handled: nothing below it can be lost, whatever dies.
 */
export interface PartitionProgress {
  /** Where reading begins, as long as nothing has been read. */
  startAt(offset: bigint): void
  /** Takes note of a message that is to be handled; false where it is known already (read again after a rebalance). */
  begin(offset: bigint): boolean
  /** The message has been handled, or stands in the dead letters. */
  finish(offset: bigint): void
  /** Offset of the next message to read, were the reader to start anew; undefined before the first message or `startAt`. */
  readonly committable: bigint | undefined
  /** The offset after the highest that has been read; undefined as above. */
  readonly next: bigint | undefined
  /** Messages begun and not finished. */
  readonly unfinished: number
}

/** Creates the progress of a partition of which nothing has been read yet. */
export function createPartitionProgress(): PartitionProgress {
  /** Ascending; the first is unfinished, all below it are finished. */
  const offsets: bigint[] = []
  const finished = new Set<bigint>()
  let next: bigint | undefined
  let head = 0

  const firstAtLeast = (offset: bigint): number => {
    let low = head
    let high = offsets.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((offsets[middle] as bigint) < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  const compact = () => {
    if (head < 1024) return
    offsets.splice(0, head)
    head = 0
  }

  return {
    startAt(offset) {
      next ??= offset
    },
    begin(offset) {
      if (next === undefined || offset >= next) {
        offsets.push(offset)
        next = offset + 1n
        return true
      }
      const at = firstAtLeast(offset)
      // Below all that is unfinished lies only what has been handled; its commit was not yet sent when it was read again.
      if (at === head || offsets[at] === offset) return false
      offsets.splice(at, 0, offset)
      return true
    },
    finish(offset) {
      finished.add(offset)
      while (head < offsets.length && finished.delete(offsets[head] as bigint)) head += 1
      compact()
    },
    get committable() {
      return head < offsets.length ? offsets[head] : next
    },
    get next() {
      return next
    },
    get unfinished() {
      return offsets.length - head - finished.size
    },
  }
}
