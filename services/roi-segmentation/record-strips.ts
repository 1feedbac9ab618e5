import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { withSpan } from '../shared/telemetry/current-span.ts'
import { attributes, metrics, spans } from '../shared/telemetry/names.ts'
import { stripTrace } from '../shared/telemetry/strip-trace.ts'
import { childOf, type Telemetry } from '../shared/telemetry/telemetry.ts'
import type { StripReply } from './strip-worker-protocol.ts'

/** Tells telemetry of the strips that are segmented. */
export function createStripRecorder(telemetry: Telemetry) {
  const seconds = telemetry.histogram(metrics.stageSeconds)

  /** Records a strip and publishes its parts within its span. A strip of context was recorded when it was published. */
  return async (header: StripHeader, reply: StripReply, publish: () => Promise<void>): Promise<void> => {
    const { key, lot } = header
    if (key === undefined || reply.parts.length === 0) return publish()
    const { beganNs, endedNs } = reply
    const parent = stripTrace(key, telemetry.stripShare)
    const context = childOf(parent, spans.segment, '')
    seconds.record(Number(endedNs - beganNs) / 1e9, { line: key.line, stage: spans.segment }, context)
    if (telemetry.tracing) {
      telemetry.writeSpan({
        name: spans.segment,
        context,
        parentSpanId: parent.spanId,
        startNs: beganNs,
        endNs: endedNs,
        attributes: {
          [attributes.line]: key.line,
          [attributes.strip]: `${key.strip}`,
          [attributes.lot]: lot,
          [attributes.pellets]: reply.pellets,
          [attributes.parts]: reply.parts.length,
        },
      })
    }
    await withSpan({ context, lot }, publish)
  }
}

export type StripRecorder = ReturnType<typeof createStripRecorder>
