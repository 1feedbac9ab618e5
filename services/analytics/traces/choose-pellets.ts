import { hash } from 'node:crypto'
import { KeepReason, type VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Outcome } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { formatStripName, type StripNameParts } from '../../shared/telemetry/strip-trace.ts'
import type { TraceReason } from './write-pellet-spans.ts'

export interface ChoiceSettings {
  /** Share 0..1 of all pellets that is kept at random. */
  readonly share: number
  /** Time from exposure to booking above which a part is late, ns. */
  readonly lateNs: bigint
}

/**
 * Pellets of a part whose traces are kept as far as its verdicts tell, by index within the strip: every NG pellet; of a
 * late part the first that was judged, since all of them have its times; and a random share. A pure function of the message, so that
 * a repeat keeps the same pellets.
 */
export function choosePellets(
  message: VerdictsMessage,
  bookedNs: bigint,
  { share, lateNs }: ChoiceSettings,
): Map<number, TraceReason> {
  const chosen = new Map<number, TraceReason>()
  const count = message.pellets?.x.length ?? 0
  const strip = message.header?.key
  if (strip === undefined || count === 0) return chosen
  for (const place of drawPlaces(strip, message.part, count, share)) chosen.set(message.firstIndex + place, 'random')
  const exposedNs = message.header?.exposedUnixNs ?? 0n
  if (exposedNs !== 0n && bookedNs - exposedNs > lateNs) {
    const judged = message.outcome.indexOf(Outcome.CLASSIFIED)
    chosen.set(message.firstIndex + Math.max(0, judged), 'late')
  }
  for (const { index, reason } of message.kept) if (reason === KeepReason.NG) chosen.set(index, 'ng')
  return chosen
}

/**
 * Draws places 0..count-1, each with probability `share`: every 1/share-th, from a start that follows from the part's name.
 * One hash for a part, since one for each pellet would cost more than all its other spans.
 */
export function drawPlaces(strip: StripNameParts, part: number, count: number, share: number): number[] {
  if (share <= 0) return []
  const digest = hash('sha256', `trace/${formatStripName(strip)}/${part}`, 'buffer')
  const step = 1 / Math.min(1, share)
  const places: number[] = []
  for (let at = (digest.readUInt32BE(0) / 2 ** 32) * step; at < count; at += step) places.push(Math.floor(at))
  return places
}
