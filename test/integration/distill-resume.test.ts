import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, it } from 'node:test'
import { toySplits } from '../../services/distillation/test-support/toy-crops.ts'
import { createRandom } from '../../services/distillation/training/random.ts'
import { writePackedCrops } from '../../services/shared/dataset/packed-crops.ts'

const main = new URL('../../services/cli/main.ts', import.meta.url).pathname

const settings = `
seed: 1
teachers:
  networks: [resnet18]
  training: { epochs: 3, batchSize: 8, baseRate: 0.002, widths: [16, 16, 16, 16] }
student:
  training: { epochs: 4, batchSize: 8, baseRate: 0.002, widths: [16, 16, 16, 16] }
  exportAs: [float16]
distillation: { lambda: 0.6, temperature: 3, teachersSee: views }
variants: []
threads: 1
spinning: false
# After every run of steps: most kills fall within an epoch.
checkpointMinutes: 0.00001
`

describe('an experiment that is killed again and again', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-distill-'))
    const splits = toySplits(240)
    await mkdir(join(folder, 'data'))
    for (const part of ['train', 'val', 'test'] as const)
      await writePackedCrops(join(folder, 'data', `${part}.crops`), splits[part])
    await writeFile(join(folder, 'experiment.yaml'), settings)
  })
  after(() => rm(folder, { recursive: true }))

  /** Runs the command; with `dieAfter` it is killed outright so many events and milliseconds after its start. */
  async function distill(out: string, dieAfter?: { readonly events: number; readonly ms: number }) {
    const args = [
      '--data',
      join(folder, 'data'),
      '--config',
      join(folder, 'experiment.yaml'),
      '--out',
      join(folder, out),
    ]
    const child = spawn(process.execPath, [main, 'distill', ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    let seen = 0
    for await (const _ of createInterface({ input: child.stdout })) {
      seen++
      if (dieAfter !== undefined && seen === dieAfter.events) setTimeout(() => child.kill('SIGKILL'), dieAfter.ms)
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return { code: child.exitCode, signal: child.signalCode, errors }
  }

  async function digests(out: string) {
    const models = join(folder, out, 'models')
    const found: Record<string, string> = {}
    for (const id of (await readdir(models)).sort()) {
      const manifest = JSON.parse(await readFile(join(models, id, `${id}.manifest.json`), 'utf8'))
      found[id] = manifest.sha256
    }
    return found
  }

  it('ends with the models of an undisturbed one, to the bit', async () => {
    const undisturbed = await distill('whole')
    assert.equal(undisturbed.code, 0, undisturbed.errors)
    const random = createRandom('kills', 1)
    let kills = 0
    for (let attempt = 0; kills < 10; attempt++) {
      assert.ok(attempt < 40, 'the experiment was over before it could be killed ten times')
      // The progress that a run makes before it dies must not always be lost: later runs live longer.
      const { signal, code, errors } = await distill('killed', { events: 1 + random.below(12), ms: random.below(250) })
      if (signal === 'SIGKILL') kills++
      else {
        assert.equal(code, 0, errors)
        break
      }
    }
    assert.ok(kills >= 10, `killed ${kills} times only`)
    const resumed = await distill('killed')
    assert.equal(resumed.code, 0, resumed.errors)
    const expected = await digests('whole')
    assert.deepEqual(Object.keys(expected), ['distilled-1', 'plain-1', 'resnet18'])
    assert.deepEqual(await digests('killed'), expected)
  })

  it('leaves at once when it is interrupted twice', async () => {
    const args = ['--data', join(folder, 'data'), '--config', join(folder, 'experiment.yaml')]
    const command = [main, 'distill', ...args, '--out', join(folder, 'twice'), '--json']
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    const exited = once(child, 'exit')
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.includes('"steps"')) continue
      child.kill('SIGINT')
      // Sooner, it would be the first one once more.
      setTimeout(() => child.kill('SIGINT'), 550)
      break
    }
    // It may have ended by the first one already.
    const [code, signal] = await exited
    assert.ok(signal === 'SIGINT' || code === 130, `${code} ${signal} ${errors}`)
  })

  it('refuses to go on from a model that has changed, and goes on once it is restored', async () => {
    const path = join(folder, 'whole', 'models', 'resnet18', 'resnet18.onnx')
    const bytes = await readFile(path)
    const changed = Buffer.from(bytes)
    changed[changed.length >> 1]! ^= 1
    for (const damaged of [changed, bytes.subarray(0, 1000)]) {
      await writeFile(path, damaged)
      const { code, errors } = await distill('whole')
      assert.equal(code, 1)
      assert.match(errors, /resnet18\.onnx or its manifest is missing or damaged: restore both, or delete .*done\.json/)
    }
    await writeFile(path, bytes)
    const restored = await distill('whole')
    assert.equal(restored.code, 0, restored.errors)
  })
})
