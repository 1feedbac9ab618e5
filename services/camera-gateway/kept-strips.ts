import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { type KeptPixels, keptBytes } from './keep-pixels.ts'

/** A strip that the gateway has and may have to send again. Its header is stamped once. */
export interface KeptStrip extends KeptPixels {
  readonly number: bigint
  readonly header: StripHeader
  readonly receivedUnixNs: bigint
  /** Segmentation answered it: its crops are durable, and it is kept as context for the pellets that were open after it. */
  durable: boolean
  /** Segmentation answered it to this gateway, so that it counts as in flight no more. */
  settled: boolean
}

/** The strips of one run from the first unacknowledged one on, in order. */
export interface KeptStrips {
  /** Strips below are acknowledged. */
  readonly acknowledgedBelow: bigint
  /** Strips below are durable. */
  readonly durableBelow: bigint
  /** Number that the next strip will have. */
  readonly nextStrip: bigint
  /** Strips that segmentation has not answered. */
  readonly inFlight: number
  /** Bytes that they hold. */
  readonly bytesInFlight: number
  add(strip: KeptStrip): void
  get(number: bigint): KeptStrip | undefined
  /** Strip `number` where it is there and may be sent to segmentation. */
  ready(number: bigint): KeptStrip | undefined
  /** Strips from `number` on may not be sent, since the camera side has yet to be told their stamps; undefined: all may. */
  hold(number: bigint | undefined): void
  /** Takes an answer: `number` is durable, strips below `acknowledgedBelow` are needed no more and handed to `release`. Returns the strip where this is its first answer. */
  settle(number: bigint, acknowledgedBelow: bigint): KeptStrip | undefined
  /** Lets go of all strips, as if none had been in flight. */
  drop(): void
}

/** Creates the list with the first strip's number; strips below `durableBelow` were durable before. */
export function createKeptStrips(
  firstStrip: bigint,
  durableBefore: bigint,
  release: (strip: KeptStrip) => void,
): KeptStrips {
  let kept: KeptStrip[] = []
  let nextStrip = firstStrip
  let acknowledgedBelow = firstStrip
  let durableBelow = durableBefore > firstStrip ? durableBefore : firstStrip
  let inFlight = 0
  let bytesInFlight = 0
  let heldFrom: bigint | undefined

  return {
    get acknowledgedBelow() {
      return acknowledgedBelow
    },
    get durableBelow() {
      return durableBelow
    },
    get nextStrip() {
      return nextStrip
    },
    get inFlight() {
      return inFlight
    },
    get bytesInFlight() {
      return bytesInFlight
    },
    add(strip) {
      kept.push(strip)
      nextStrip = strip.number + 1n
      inFlight++
      bytesInFlight += keptBytes(strip)
    },
    get(number) {
      const first = kept[0]
      return first === undefined ? undefined : kept[Number(number - first.number)]
    },
    ready(number) {
      return heldFrom !== undefined && number >= heldFrom ? undefined : this.get(number)
    },
    hold(number) {
      heldFrom = number
    },
    settle(number, below) {
      const strip = this.get(number)
      let first: KeptStrip | undefined
      if (strip !== undefined && !strip.settled) {
        if (!strip.durable) first = strip
        strip.durable = true
        strip.settled = true
        inFlight--
        bytesInFlight -= keptBytes(strip)
      }
      if (number + 1n > durableBelow) durableBelow = number + 1n
      while (kept.length > 0 && kept[0]!.number < below && kept[0]!.settled) release(kept.shift()!)
      acknowledgedBelow = kept[0]?.number ?? nextStrip
      return first
    },
    drop() {
      kept = []
      inFlight = 0
      bytesInFlight = 0
    },
  }
}
