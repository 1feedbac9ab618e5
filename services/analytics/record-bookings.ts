import { AuditStratumSchema, type AuditsMessage, type VerdictsMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Clock } from '../shared/service/clock.ts'
import { enumName } from '../shared/telemetry/enum-name.ts'
import { attributes, metrics, spans } from '../shared/telemetry/names.ts'
import { isTraceSampled, randomSpanId, randomTraceId } from '../shared/telemetry/span-context.ts'
import { stripTrace } from '../shared/telemetry/strip-trace.ts'
import { childOf, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { type Booked, type BookingEntry, lotOf, stripOf } from './booking/entries.ts'

/** Tells telemetry of what is booked. Pellets are counted here, where each counts once. */
export function createBookingRecorder(telemetry: Telemetry, clock: Pick<Clock, 'nowNs'>) {
  const found = telemetry.counter(metrics.pelletsFound)
  const classified = telemetry.counter(metrics.pelletsClassified)
  const shed = telemetry.counter(metrics.pelletsShed)
  const notJudged = telemetry.counter(metrics.pelletsNotJudged)
  const audited = telemetry.counter(metrics.pelletsAudited)
  const disagreed = telemetry.counter(metrics.auditsDisagreed)
  const bookings = telemetry.counter(metrics.bookings)
  const latency = telemetry.histogram(metrics.stripLatency)
  const stageSeconds = telemetry.histogram(metrics.stageSeconds)

  const countPart = ({ header, part, reconciliation: counts }: VerdictsMessage, bookedNs: bigint) => {
    const line = header?.key?.line ?? ''
    if (counts === undefined) return
    const { ng } = counts
    found.add(Number(counts.found), { line })
    classified.add(Number(ng), { line, verdict: 'NG' })
    classified.add(Number(counts.classified - ng), { line, verdict: 'OK' })
    shed.add(Number(counts.shed), { line })
    const { cluster = 0n, oversize = 0n, imageEdge = 0n, lostRows = 0n } = counts.notJudgedByReason ?? {}
    for (const [reason, count] of Object.entries({ cluster, oversize, imageEdge, lostRows })) {
      if (count > 0n) notJudged.add(Number(count), { line, reason })
    }
    const exposedNs = header?.exposedUnixNs ?? 0n
    if (part === 0 && exposedNs !== 0n && exposedNs < bookedNs) {
      const trace =
        telemetry.tracing && header?.key !== undefined ? stripTrace(header.key, telemetry.stripShare) : undefined
      latency.record(Number(bookedNs - exposedNs) / 1e9, { line }, trace)
    }
  }

  return {
    /** Counts what a transaction added to the books. */
    booked(entries: number, { parts, audits, bookedNs }: Booked): void {
      for (const { message } of parts) countPart(message, bookedNs)
      const messages = new Set<AuditsMessage>()
      for (const { line, message, stratum, disagreed: other } of audits) {
        messages.add(message)
        audited.add(1, { line, stratum: enumName(AuditStratumSchema, stratum) })
        if (other) disagreed.add(1, { line })
      }
      bookings.add(parts.length, { kind: 'verdicts', result: 'new' })
      bookings.add(messages.size, { kind: 'audits', result: 'new' })
      const repeats = entries - parts.length - messages.size
      if (repeats > 0) bookings.add(repeats, { kind: 'any', result: 'repeat' })
    },

    /** Records an entry that was written, within the span of its message. */
    entry(entry: BookingEntry, startNs: bigint): void {
      const endNs = clock.nowNs()
      const { line, strip } = stripOf(entry)
      const parent = entry.trace
      const context = telemetry.tracing && parent?.sampled === true ? childOf(parent, spans.book, '') : undefined
      stageSeconds.record(Number(endNs - startNs) / 1e9, { line, stage: spans.book }, context)
      if (context === undefined) return
      telemetry.writeSpan({
        name: spans.book,
        context,
        parentSpanId: parent?.spanId,
        startNs,
        endNs,
        attributes: {
          [attributes.line]: line,
          [attributes.strip]: `${strip}`,
          [attributes.part]: entry.message.part,
          [attributes.lot]: lotOf(entry),
        },
      })
    },

    /** Records a transaction, linked to the messages that it booked. */
    commit(entries: readonly BookingEntry[], startNs: bigint): void {
      const links = entries.flatMap(({ trace }) => (trace?.sampled === true ? [trace] : []))
      if (!telemetry.tracing || links.length === 0) return
      const traceId = randomTraceId()
      telemetry.writeSpan({
        name: spans.commit,
        context: { traceId, spanId: randomSpanId(), sampled: isTraceSampled(traceId, telemetry.stripShare) },
        startNs,
        endNs: clock.nowNs(),
        attributes: { [attributes.messagingBatch]: entries.length },
        links,
      })
    },
  }
}
