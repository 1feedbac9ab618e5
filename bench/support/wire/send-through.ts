import process from 'node:process'
import { cameraGatewayOptionsSchema, createCameraGateway } from '../../../services/camera-gateway/index.ts'
import type { CameraGatewayService } from '../../../services/gen/pelletline/camera/v1/camera_pb.ts'
import type { RegistryService } from '../../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { sendStrips } from '../../../services/shared/camera/send-strips.ts'
import { stripMaxMessageBytes } from '../../../services/shared/rpc/channel-options.ts'
import { createRpcClient } from '../../../services/shared/rpc/create-rpc-client.ts'
import { createLocalClient } from '../../../services/shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../../../services/shared/rpc/types.ts'
import { systemClock } from '../../../services/shared/service/clock.ts'
import { silentLogger } from '../../../services/shared/telemetry/logger.ts'
import { createTestRegistry, testRecipe } from '../../../test/support/line-registry.ts'
import { openingOf, stripsOf } from '../../../test/support/line-source.ts'
import { stripWidth } from '../segmentation/simulate-strip.ts'

/** What it took to send strips through. */
export interface WireRun {
  readonly ms: number
  readonly gatewayCpuMs: number
  readonly segmentationCpuMs: number
}

/** Strips that are sent before the clock starts: memory and compiled code are there then. */
const warmUp = 4

/**
 * Sends the same strip `strips` times through a gateway in this process to the segmentation at `address`, until all are durable.
 * `report` gives the CPU time that segmentation has used since the last call, ms.
 */
export async function sendThrough(
  address: string,
  pixels: Uint8Array,
  strips: number,
  sparse: boolean,
  report: () => Promise<number>,
): Promise<WireRun> {
  const registry = createTestRegistry()
  registry.assign('lot-1', { ...testRecipe, nominalAreaPx: 900 })
  const segmentation = createRpcClient(SegmentationService, { address, maxMessageBytes: stripMaxMessageBytes })
  const gateway = createCameraGateway({
    plant: 'plant-1',
    registry: createLocalClient(registry.implementation as ServiceImplementation<typeof RegistryService>),
    segmentation,
    clock: systemClock,
    logger: silentLogger,
    sparse,
    options: cameraGatewayOptionsSchema.parse({}),
  })
  const client = createLocalClient(gateway.implementations[0] as ServiceImplementation<typeof CameraGatewayService>)
  const rows = pixels.length / stripWidth
  const belt = { pixels, width: stripWidth, rows }
  let firstRow = 0n
  const send = async (run: string, count: number) => {
    const [strip] = stripsOf(belt, [rows])
    firstRow = 0n
    const source = async function* () {
      for (let i = 0; i < count; i++) {
        yield { ...strip!, strip: BigInt(i), firstRow, encoder: firstRow, runEnds: i === count - 1 }
        firstRow += BigInt(rows)
      }
    }
    await sendStrips(client, { open: openingOf(belt, { run }), strips: source() })
  }
  await send('warm-up', warmUp)
  await report()
  const cpu = process.cpuUsage()
  const began = performance.now()
  await send('measured', strips)
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  const segmentationCpuMs = await report()
  await gateway.drain(1000)
  segmentation.close()
  return { ms, gatewayCpuMs: (user + system) / 1000, segmentationCpuMs }
}
