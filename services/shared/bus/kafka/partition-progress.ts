/**
 * How far a group has come on one partition, while messages are handled several at once and end in any order. What may be
 * committed is the lowest offset that has not been handled: nothing below it can be lost, whatever dies.
 */
export interface PartitionProgress {
  /** Takes note of a message that is to be handled; false where it is known already (read again after a rebalance). */
  begin(offset: bigint): boolean
  /** The message has been handled, or stands in the dead letters. */
  finish(offset: bigint): void
  /** Offset of the next message to read, were the reader to start anew; undefined before the first message. */
  readonly committable: bigint | undefined
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
    begin(offset) {
      if (next === undefined || offset >= next) {
        offsets.push(offset)
        next = offset + 1n
        return true
      }
      const at = firstAtLeast(offset)
      if (offsets[at] === offset) return false
      // Read again from an older position: the group's commit was lost, or the topic was made anew.
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
    get unfinished() {
      return offsets.length - head - finished.size
    },
  }
}
