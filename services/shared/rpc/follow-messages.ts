/** Follows the messages of one gRPC stream by the prefix of each: one byte, and the length in four. Keeps none of them. */
export interface MessageFollower {
  /** Takes the next bytes of the stream; returns the largest length, bytes, that a prefix within them announces, else 0. */
  take(chunk: Uint8Array): number
  /** Bytes that have come of a message that is not complete, with its prefix; 0 between two messages. */
  unfinished(): number
}

const prefixBytes = 5

/**
 * Creates a follower that stands before the first message of a stream. `onComplete` is told the length of each message
 * that has come whole, bytes, and whether its first byte says that it is packed.
 */
export function createMessageFollower(onComplete: (length: number, packed: boolean) => void): MessageFollower {
  let prefix = 0
  let packed = false
  let length = 0
  let missing = 0
  return {
    take(chunk) {
      let largest = 0
      let at = 0
      while (at < chunk.length) {
        if (prefix < prefixBytes) {
          if (prefix > 0) length = length * 256 + chunk[at]!
          else packed = chunk[at] === 1
          prefix += 1
          at += 1
          if (prefix < prefixBytes) continue
          missing = length
          largest = Math.max(largest, length)
        } else {
          const taken = Math.min(missing, chunk.length - at)
          missing -= taken
          at += taken
        }
        if (missing === 0) {
          onComplete(length, packed)
          prefix = 0
          length = 0
        }
      }
      return largest
    },
    unfinished: () => (prefix < prefixBytes ? prefix : prefix + length - missing),
  }
}
