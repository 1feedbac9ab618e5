import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { createStateWriter } from './write-state.ts'

it('a plant whose state cannot be written says so once, goes on, and writes it again when it can', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'plant-state-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'plant.json')
  const said: string[] = []
  const write = createStateWriter({ file, report: (text) => void said.push(text) })
  write({ starts: 1 })
  await mkdir(`${file}.tmp`)
  write({ starts: 2 })
  write({ starts: 3 })
  assert.equal(said.length, 1)
  assert.match(said[0]!, /plant\.json cannot be written \(EISDIR/)
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { starts: 1 })
  await rmdir(`${file}.tmp`)
  write({ starts: 4 })
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { starts: 4 })
  await mkdir(`${file}.tmp`)
  write({ starts: 5 })
  assert.equal(said.length, 2)
})
