// Segmentation as a process of its own that throws crops away. Argument: address to listen on. Writes "ready", then for every
// line on standard input the CPU time used since the last one, ms.
import process from 'node:process'
import { createInterface } from 'node:readline'
import { createRoiSegmentation, segmentationOptionsSchema } from '../../../services/roi-segmentation/index.ts'
import type { Bus } from '../../../services/shared/bus/bus.ts'
import { stripMaxMessageBytes } from '../../../services/shared/rpc/channel-options.ts'
import { startRpcServer } from '../../../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../../services/shared/service/clock.ts'
import { silentLogger } from '../../../services/shared/telemetry/logger.ts'

const bus: Bus = {
  publish: () => Promise.resolve(),
  subscribe: () => Promise.reject(new Error('nobody subscribes here')),
  lag: () => Promise.resolve({ messages: 0, fill: 0 }),
  close: () => Promise.resolve(),
}
const options = segmentationOptionsSchema.parse({ workers: 1 })
const { implementations } = createRoiSegmentation({ bus, clock: systemClock, logger: silentLogger, options })
const listen = process.argv[2]!
await startRpcServer({ listen, implementations, maxMessageBytes: stripMaxMessageBytes, logger: silentLogger })
process.stdout.write('ready\n')
let before = process.cpuUsage()
createInterface({ input: process.stdin }).on('line', () => {
  const { user, system } = process.cpuUsage(before)
  before = process.cpuUsage()
  process.stdout.write(`${(user + system) / 1000}\n`)
})
