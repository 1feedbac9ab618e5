// roi-segmentation as a process of its own whose crops survive it: every part is appended to a file before it is answered.
// Arguments: address to listen on, file. Writes a line to standard output for every strip published, "ready" before the first.
import { fsyncSync, openSync, writeSync } from 'node:fs'
import process from 'node:process'
import { createRoiSegmentation, segmentationOptionsSchema } from '../../services/roi-segmentation/index.ts'
import type { Bus } from '../../services/shared/bus/bus.ts'
import { startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'

const [listen, path] = process.argv.slice(2) as [string, string]
const file = openSync(path, 'a')

const bus: Bus = {
  publish(_topic, messages) {
    for (const { value } of messages) {
      const record = Buffer.alloc(4 + value.length)
      record.writeUInt32LE(value.length)
      record.set(value, 4)
      writeSync(file, record)
    }
    fsyncSync(file)
    process.stdout.write('published\n')
    return Promise.resolve()
  },
  subscribe: () => Promise.reject(new Error('nobody subscribes here')),
  lag: () => Promise.resolve({ messages: 0, fill: 0 }),
  close: () => Promise.resolve(),
}
const service = createRoiSegmentation({
  bus,
  clock: systemClock,
  logger: silentLogger,
  options: segmentationOptionsSchema.parse({ workers: 1 }),
})
await startRpcServer({ listen, implementations: service.implementations, logger: silentLogger })
process.stdout.write('ready\n')
