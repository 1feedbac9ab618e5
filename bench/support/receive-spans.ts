// A receiver in a process of its own, so that what it takes is not counted as the sender's: prints its address.
import process from 'node:process'
import { startOtlpReceiver } from '../../test/support/otlp-receiver.ts'

const receiver = await startOtlpReceiver({ keep: false })
process.stdout.write(`${receiver.endpoint}\n`)
process.once('SIGTERM', () => void receiver.close())
