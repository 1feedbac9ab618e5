import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import test, { after, before } from 'node:test'
import { firstProcess, givesNamespaces } from '../service/test-support/first-process.ts'
import { modelDirectory, writeTinyModel } from './test-support/tiny-model.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
before(async () => {
  directory = await modelDirectory()
})
after(() => directory.remove())

/** A program that gives up the load of a model whose workers are held by a native call, and leaves with an exit code. */
async function writeProgram(id: string, exitCode: number): Promise<string> {
  const modelPath = await writeTinyModel(directory.path, { id })
  execFileSync('mkfifo', [`${modelPath}.pipe`])
  const url = (path: string) => JSON.stringify(new URL(path, import.meta.url).href)
  const program = `
    import { createInferencePool } from ${url('./inference-pool.ts')}
    import { heldThreads } from ${url('./end-thread.ts')}
    const modelPath = ${JSON.stringify(modelPath)}
    const stop = new AbortController()
    let begun = 0
    let stopped = 0
    new BroadcastChannel(modelPath).onmessage = () => {
      begun += 1
      if (begun === 2) setTimeout(() => (stopped = performance.now(), stop.abort()), 300)
    }
    const loading = createInferencePool({
      modelPath,
      workerEntry: new URL(${url('./test-support/held-worker.ts')}),
      workers: 2,
      signal: stop.signal,
    })
    const { code } = await loading.catch((reason) => reason)
    console.log(code, heldThreads(), performance.now() - stopped < 10_000)
    process.exit(${exitCode})`
  const file = join(directory.path, `${id}.mjs`)
  await writeFile(file, program)
  return file
}

const skip = process.platform === 'win32' ? 'there are no named pipes here' : false

test('a native call that nothing interrupts holds up neither the end of a load nor that of the process', {
  skip,
}, async () => {
  for (const exitCode of [0, 3]) {
    const file = await writeProgram(`held-${exitCode}`, exitCode)
    const child = spawn(process.execPath, [file], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 30_000,
      killSignal: 'SIGKILL',
    })
    const [said, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'exit')])
    assert.equal(said, 'cancelled 2 true\n')
    assert.deepEqual([code, signal], [exitCode, null])
  }
})

if (givesNamespaces()) {
  test('a native call that nothing interrupts does not hold up the end of a container either', async () => {
    const file = await writeProgram('first', 3)
    const left = spawnSync('unshare', [...firstProcess, process.execPath, file], {
      encoding: 'utf8',
      timeout: 30_000,
      killSignal: 'SIGKILL',
    })
    assert.deepEqual([left.stdout, left.status], ['cancelled 2 true\n', 3])
  })
}
