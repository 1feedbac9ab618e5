import type { CameraStrip, OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { Clock } from '../shared/service/clock.ts'
import { attributes, metrics, spans } from '../shared/telemetry/names.ts'
import { stripTrace } from '../shared/telemetry/strip-trace.ts'
import type { Telemetry } from '../shared/telemetry/telemetry.ts'

/** What the recorder is told of a strip that was taken. */
export interface TakenStrip {
  readonly plant: string
  readonly open: Pick<OpenIntake, 'line' | 'camera' | 'run' | 'durableBelow'>
  readonly strip: CameraStrip
  readonly lot: string
  readonly receivedUnixNs: bigint
}

/** Tells telemetry of the strips that the gateway takes. */
export function createIntakeRecorder(telemetry: Telemetry, clock: Pick<Clock, 'nowNs'>) {
  const rowsAcquired = telemetry.counter(metrics.rowsAcquired)
  const rowsLost = telemetry.counter(metrics.rowsLost)
  const strips = telemetry.counter(metrics.strips)
  const seconds = telemetry.histogram(metrics.stageSeconds)

  return ({ plant, open, strip, lot, receivedUnixNs }: TakenStrip): void => {
    const { line, camera, run, durableBelow } = open
    // Sent again for the pellets that were open after it, and counted before.
    if (strip.strip < durableBelow) return
    rowsAcquired.add(strip.rows, { line })
    rowsLost.add(Number(strip.rowsLostBefore), { line })
    strips.add(1, { line })
    const endNs = clock.nowNs()
    const context = telemetry.tracing
      ? stripTrace({ plant, line, camera, run, strip: strip.strip }, telemetry.stripShare)
      : undefined
    seconds.record(Number(endNs - receivedUnixNs) / 1e9, { line, stage: spans.acquire }, context)
    if (context === undefined) return
    telemetry.writeSpan({
      name: spans.acquire,
      context,
      kind: 'consumer',
      startNs: receivedUnixNs,
      endNs,
      attributes: {
        [attributes.plant]: plant,
        [attributes.line]: line,
        [attributes.camera]: camera,
        [attributes.run]: run,
        [attributes.strip]: `${strip.strip}`,
        [attributes.lot]: lot,
        [attributes.rows]: strip.rows,
        [attributes.exposed]: `${strip.exposedUnixNs}`,
      },
    })
  }
}

export type IntakeRecorder = ReturnType<typeof createIntakeRecorder>
