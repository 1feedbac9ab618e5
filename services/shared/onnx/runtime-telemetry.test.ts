import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, it } from 'node:test'
import { writeTinyModel } from './test-support/tiny-model.ts'

const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href)

describe('ONNX Runtime reports nothing to its maker', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-telemetry-'))
  })
  after(() => rm(folder, { recursive: true }))

  // What it would send it keeps in the user's cache first; a continuous integration's variables would silence it too.
  async function leftBy(program: string): Promise<readonly string[]> {
    const home = await mkdtemp(join(folder, 'home-'))
    const { CI: _, GITHUB_ACTIONS: __, ...environment } = process.env
    const file = join(folder, 'program.mjs')
    await writeFile(file, program)
    const child = spawn(process.execPath, [file], {
      env: { ...environment, HOME: home, XDG_CACHE_HOME: join(home, '.cache') },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [errors] = await Promise.all([text(child.stderr), once(child, 'close')])
    assert.equal(child.exitCode, 0, errors)
    return readdir(home, { recursive: true })
  }

  it('in a graph worker', async () => {
    const path = await writeTinyModel(folder)
    const left = await leftBy(`
      import { readFileSync } from 'node:fs'
      import { createGraphWorker } from ${module('./graph-worker.ts')}
      const worker = createGraphWorker({ threads: 1 })
      await worker.load('tiny', Uint8Array.from(readFileSync(${JSON.stringify(path)})))
      await worker.close()
    `)
    assert.deepEqual(left, [])
  })

  it('in an inference pool', async () => {
    const path = await writeTinyModel(folder)
    const left = await leftBy(`
      import { createInferencePool } from ${module('./inference-pool.ts')}
      const pool = await createInferencePool({ modelPath: ${JSON.stringify(path)} })
      await pool.close()
    `)
    assert.deepEqual(left, [])
  })
})
