import { CameraGatewayService } from '../../../services/gen/pelletline/camera/v1/camera_pb.ts'
import type { ProcessName } from '../../../services/plant/processes/service-starts.ts'
import { sendStrips } from '../../../services/shared/camera/send-strips.ts'
import { stripMaxMessageBytes } from '../../../services/shared/rpc/channel-options.ts'
import { createRpcClient } from '../../../services/shared/rpc/create-rpc-client.ts'
import type { IntakeProcesses } from '../../../test/support/intake-processes.ts'
import { openingOf, stripsOf } from '../../../test/support/line-source.ts'
import { readProcessTree } from '../process-cpu.ts'
import { stripWidth } from '../segmentation/simulate-strip.ts'

/** What it took to get strips from the camera to durable crops. */
export interface IntakeRun {
  readonly seconds: number
  /** User and system time that each process has used, s. */
  readonly cpuSeconds: Readonly<Partial<Record<ProcessName, number>>>
}

/** Strips that are sent before the clock starts: memory and compiled code are there then. */
const warmUp = 8

/**
 * Sends a strip `strips` times over gRPC to the gateway as a camera that is never late, in a run whose strips follow each
 * other without a seam, until all are acknowledged.
 */
export async function sendFrames(intake: IntakeProcesses, pixels: Uint8Array, strips: number): Promise<IntakeRun> {
  const rows = pixels.length / stripWidth
  const belt = { pixels, width: stripWidth, rows }
  const [strip] = stripsOf(belt, [rows])
  const gateway = createRpcClient(CameraGatewayService, {
    address: intake.cameraAddress,
    maxMessageBytes: stripMaxMessageBytes,
  })
  const send = async (run: string, count: number) => {
    const source = async function* () {
      for (let i = 0; i < count; i++) {
        const firstRow = BigInt(i * rows)
        yield { ...strip!, strip: BigInt(i), firstRow, encoder: firstRow, runEnds: i === count - 1 }
      }
    }
    await sendStrips(gateway, { open: openingOf(belt, { run }), strips: source() })
  }
  const readCpu = () => [...intake.processes].map(([, { pid }]) => readProcessTree(pid!).cpuSeconds)
  try {
    await send('warm-up', warmUp)
    const before = readCpu()
    const began = performance.now()
    await send('measured', strips)
    const seconds = (performance.now() - began) / 1000
    const after = readCpu()
    const names = [...intake.processes.keys()]
    return { seconds, cpuSeconds: Object.fromEntries(names.map((name, i) => [name, after[i]! - before[i]!])) }
  } finally {
    gateway.close()
  }
}
