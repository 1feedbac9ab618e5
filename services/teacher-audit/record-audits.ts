import type { AuditRequestMessage } from '../gen/pelletline/events/v1/events_pb.ts'
import { currentSpan } from '../shared/telemetry/current-span.ts'
import { attributes, metrics, spans } from '../shared/telemetry/names.ts'
import { childOf, type Telemetry } from '../shared/telemetry/telemetry.ts'

/** Tells telemetry of what the teachers audit. */
export function createAuditRecorder(telemetry: Telemetry) {
  const seconds = telemetry.histogram(metrics.stageSeconds)

  /** Records a request that was answered, within the span of its message. Times are Unix ns. */
  return (request: AuditRequestMessage, takenNs: bigint, endedNs: bigint): void => {
    const { key, part, lot, items } = request
    const line = key?.line ?? ''
    const parent = currentSpan()?.context
    const context = telemetry.tracing && parent?.sampled === true ? childOf(parent, spans.audit, '') : undefined
    seconds.record(Number(endedNs - takenNs) / 1e9, { line, stage: spans.audit }, context)
    if (context === undefined) return
    telemetry.writeSpan({
      name: spans.audit,
      context,
      parentSpanId: parent?.spanId,
      startNs: takenNs,
      endNs: endedNs,
      attributes: {
        [attributes.line]: line,
        [attributes.strip]: `${key?.strip ?? 0n}`,
        [attributes.part]: part,
        [attributes.lot]: lot,
        [attributes.pellets]: items.length,
      },
    })
  }
}

export type AuditRecorder = ReturnType<typeof createAuditRecorder>
