import process from 'node:process'
import { accountBuffers } from '../shared/service/account-buffers.ts'
import { heedLostReaders } from './heed-lost-readers.ts'
import { runCli } from './run-cli.ts'

accountBuffers()

const readers = heedLostReaders(process)
const exitCode = await runCli({
  args: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
  onService: readers.drain,
})
// A service that drained has set its own status.
if (exitCode !== 0) process.exitCode = exitCode
