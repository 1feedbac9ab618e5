import process from 'node:process'
import { accountBuffers } from '../shared/service/account-buffers.ts'
import { runCli } from './run-cli.ts'

accountBuffers()

// A reader that goes away early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const exitCode = await runCli({
  args: process.argv.slice(2),
  stdout: process.stdout,
  stderr: process.stderr,
})
// A service that drained has set its own status.
if (exitCode !== 0) process.exitCode = exitCode
