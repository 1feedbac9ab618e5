import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { type CheckpointHeader, readCheckpoint, writeCheckpoint } from './checkpoint.ts'
import { parseTrainConfig } from './train-config.ts'

const header: CheckpointHeader = {
  network: 'tiny',
  config: parseTrainConfig({}),
  data: { train: 'a', val: 'b', test: 'c' },
  standardisation: { mean: 1, deviation: 2 },
  step: 3,
  history: [],
  bestEpoch: 0,
}

test('checkpoint that is cut, or cannot be read, or is not there is refused by what to do', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-checkpoint-'))
  try {
    const path = join(folder, 'last.checkpoint')
    await assert.rejects(readCheckpoint(path), { code: 'not_found', message: /there is no checkpoint .*: restore it/ })
    await assert.rejects(readCheckpoint(folder), { code: 'failed_precondition', message: /cannot be read \(EISDIR\)/ })
    await writeCheckpoint(path, { header, tensors: new Map([['value/a', Float32Array.of(1, 2, 3)]]) })
    const bytes = await readFile(path)
    for (const length of [0, 8, 40, bytes.length - 1]) {
      await writeFile(path, bytes.subarray(0, length))
      await assert.rejects(readCheckpoint(path), { code: 'data_loss', message: /last\.checkpoint is .*delete it/ })
    }
    await assert.rejects(writeCheckpoint(join(path, 'x'), { header, tensors: new Map() }), {
      code: 'failed_precondition',
      message: /last\.checkpoint.x cannot be written \(ENOTDIR\)/,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('checkpoint that the disk has no room for leaves the older one as it was', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-checkpoint-'))
  try {
    const path = join(folder, 'last.checkpoint')
    const tensors = new Map([['value/a', Float32Array.of(1, 2, 3)]])
    await writeCheckpoint(path, { header, tensors })
    // No file may grow beyond 64 KiB in this process: the newer checkpoint breaks off in the middle.
    const program = `
      import { writeCheckpoint } from ${JSON.stringify(new URL('./checkpoint.ts', import.meta.url).href)}
      const tensors = new Map([['value/a', new Float32Array(100_000)]])
      await writeCheckpoint(${JSON.stringify(path)}, { header: ${JSON.stringify(header)}, tensors })
    `
    const limited = `ulimit -f 128; exec "$0" --input-type=module-typescript --eval "$1"`
    const child = spawn('sh', ['-c', limited, process.execPath, program], { stdio: ['ignore', 'ignore', 'pipe'] })
    const [errors] = await Promise.all([text(child.stderr), once(child, 'close')])
    assert.notEqual(child.exitCode, 0)
    assert.match(errors, /last\.checkpoint cannot be written, the disk is full \(EFBIG\)/)
    assert.deepEqual(await readdir(folder), ['last.checkpoint'])
    const kept = await readCheckpoint(path)
    assert.deepEqual(kept.tensors, tensors)
    assert.equal(kept.header.step, 3)
  } finally {
    await rm(folder, { recursive: true })
  }
})
