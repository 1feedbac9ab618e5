import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'
import { removeLeftovers } from './remove-leftovers.ts'

test('temporary files of killed processes are removed, those of running ones and all others stay', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-leftovers-'))
  try {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    const mine = `last.checkpoint.${process.pid}.tmp`
    const names = [`last.checkpoint.${pid}.tmp`, mine, 'last.checkpoint', 'notes.tmp', `a.${pid}.tmp.png`]
    for (const name of names) await writeFile(join(folder, name), 'x')
    assert.deepEqual(await removeLeftovers(folder), [`last.checkpoint.${pid}.tmp`])
    assert.deepEqual((await readdir(folder)).sort(), names.slice(1).sort())
    assert.deepEqual(await removeLeftovers(join(folder, 'missing')), [])
  } finally {
    await rm(folder, { recursive: true })
  }
})
