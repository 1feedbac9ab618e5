// Draws docs/pictures/pellet-trace.svg: the way of one NG pellet and of its strip, from a plant that runs for it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { startOtlpReceiver } from '../test/support/otlp-receiver.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { chooseTrace, drawTrace } from './support/draw-trace.ts'

await runBench(async () => {
  const { modelsDir, numbers } = readBenchOptions({ seconds: 12 })
  const receiver = await startOtlpReceiver()
  const main = join(import.meta.dirname, '../services/cli/main.ts')
  const options = ['--seconds', `${numbers.seconds}`, '--prevalence', '0.05', '--models-dir', modelsDir]
  const plant = spawn(
    process.execPath,
    [main, 'up', '--json', '--ephemeral', '--port', '0', ...options, '--otlp-endpoint', receiver.endpoint],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const [code] = (await once(plant, 'close')) as [number | null]
  await receiver.close()
  if (code !== 0) throw new PelletlineError('internal', 'The plant failed; its message is above.')
  const chosen = chooseTrace(receiver.spans)
  if (chosen === undefined) {
    throw new PelletlineError('not_found', 'No NG pellet of the run was audited; run it again with more --seconds.')
  }
  const file = join(import.meta.dirname, '../docs/pictures/pellet-trace.svg')
  await writeFile(file, drawTrace(chosen))
  process.stdout.write(`${file}\n`)
})
