import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import process from 'node:process'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { attributes, spans } from '../../services/shared/telemetry/names.ts'
import { openTelemetry } from '../../services/shared/telemetry/open-telemetry.ts'
import { stripTrace } from '../../services/shared/telemetry/strip-trace.ts'
import { childOf } from '../../services/shared/telemetry/telemetry.ts'
import { telemetryConfigSchema } from '../../services/shared/telemetry/telemetry-config.ts'

const batch = 500

/**
 * Processor time of one span of a strip from the derivation of its ids until it is sent, microseconds, of each round; each
 * round writes `count` spans after one uncounted.
 */
export async function measureSpanCost(rounds: number, count: number): Promise<number[]> {
  const script = join(import.meta.dirname, 'receive-spans.ts')
  const receiver = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(receiver.stdout, 'data')) as [Buffer]
  const config = telemetryConfigSchema.parse({ otlpEndpoint: String(line).trim() })
  const times: number[] = []
  for (let round = 0; round <= rounds; round++) {
    const { telemetry, close } = await openTelemetry(config, { service: 'bench', logger: silentLogger })
    const before = process.cpuUsage()
    for (let at = 0; at < count; at += batch) {
      for (let i = at; i < at + batch; i += 1) {
        const strip = { plant: 'plant-1', line: 'line-1', camera: 'camera-1', run: '20260101-000000', strip: BigInt(i) }
        const parent = stripTrace(strip, 1)
        const startNs = 1_700_000_000_000_000_000n + BigInt(i)
        telemetry.writeSpan({
          name: spans.segment,
          context: childOf(parent, spans.segment, ''),
          parentSpanId: parent.spanId,
          startNs,
          endNs: startNs + 1_000_000n,
          attributes: {
            [attributes.line]: strip.line,
            [attributes.strip]: `${strip.strip}`,
            [attributes.lot]: 'lot-1',
            [attributes.pellets]: 384,
            [attributes.part]: 0,
          },
        })
      }
      // What is sent is sent between the strips, as in a plant.
      await new Promise((resolve) => setImmediate(resolve))
    }
    await close(30_000)
    const { user, system } = process.cpuUsage(before)
    if (round > 0) times.push((user + system) / count)
  }
  receiver.kill('SIGTERM')
  await once(receiver, 'close')
  return times
}
