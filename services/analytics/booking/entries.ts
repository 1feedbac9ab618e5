import type { AuditStratum, AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import type { ColumnRange, FollowState, ModelRef, StripKey } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { SpanContext } from '../../shared/telemetry/span-context.ts'

/** A message to book. */
export type BookingEntry = (
  | { readonly kind: 'verdicts'; readonly message: VerdictsMessage }
  | { readonly kind: 'audits'; readonly message: AuditsMessage }
) & {
  /** Span in which the message is handled. */
  readonly trace?: SpanContext | undefined
}

/** What the header of a strip says of its camera. */
export interface StripCondition {
  readonly camera: string
  readonly lightState: FollowState
  readonly sizeState: FollowState
  /** Columns on which dirt or dead pixels stand. */
  readonly dirtyColumns: readonly Pick<ColumnRange, 'from' | 'to'>[]
}

/** A part that was counted now; a repeat is not among them. */
export interface BookedPart {
  readonly message: VerdictsMessage
  readonly position: bigint
  readonly line: string
  readonly lot: string
  readonly lotId: bigint
  readonly found: number
  readonly rowsAcquired: number
  readonly rowsLost: number
  /** Of the first part of a strip only, so that a strip is seen once. */
  readonly strip?: StripCondition
}

/** An audited pellet that was counted now. */
export interface BookedAudit {
  /** The message with it, among others. */
  readonly message: AuditsMessage
  readonly line: string
  readonly lot: string
  /** 1 / inclusion probability. */
  readonly weight: number
  readonly stratum: AuditStratum
  readonly disagreed: boolean
}

/** What a transaction added to the books. */
export interface Booked {
  /** Unix ns. */
  readonly bookedNs: bigint
  readonly parts: readonly BookedPart[]
  readonly audits: readonly BookedAudit[]
}

/** Strip of an entry; present on every valid message. */
export function stripOf(entry: BookingEntry): StripKey {
  const key = entry.kind === 'verdicts' ? entry.message.header?.key : entry.message.key
  if (key === undefined) throw new TypeError(`A ${entry.kind} message without a strip passed validation.`)
  return key
}

/** Condition of the strip of a message, where it is the strip's first part. */
export function conditionOf({ header, part }: VerdictsMessage): StripCondition | undefined {
  if (part !== 0 || header === undefined) return undefined
  const { lightState, sizeState, dirtyColumns } = header
  return {
    camera: header.key?.camera ?? '',
    lightState,
    sizeState,
    dirtyColumns: dirtyColumns.map(({ from, to }) => ({ from, to })),
  }
}

/** Lot under which an entry is booked. */
export function lotOf(entry: BookingEntry): string {
  return entry.kind === 'verdicts' ? (entry.message.header?.lot ?? '') : entry.message.lot
}

/** Student that judged, where the message names one. */
export function studentOf(entry: BookingEntry): ModelRef | undefined {
  const model = entry.kind === 'verdicts' ? entry.message.model : entry.message.student
  return model === undefined || model.id === '' ? undefined : model
}
