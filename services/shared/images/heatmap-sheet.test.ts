import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { writeHeatmapSheet } from './heatmap-sheet.ts'
import { readImageSize } from './image-size.ts'

test('heatmap sheet is written whole, and a folder of its name is refused by its path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-sheet-'))
  try {
    const heats = [{ layer: 'last', values: new Float32Array(2500).fill(0.5), caption: '3x3' }]
    const pellets = [{ name: 'a', verdict: 'NG', ng: true, pixels: new Uint8Array(2500).fill(90), heats }]
    const path = join(folder, 'sheet.png')
    await writeHeatmapSheet({ pellets, title: 'Sheet', enlargement: 2, path })
    const { width, height } = await readImageSize(path)
    assert.ok(width >= 200 && height >= 100)
    assert.deepEqual(await readdir(folder), ['sheet.png'])
    const taken = join(folder, 'taken.png')
    await mkdir(taken)
    await assert.rejects(writeHeatmapSheet({ pellets, title: 'Sheet', enlargement: 2, path: taken }), {
      code: 'failed_precondition',
      message: /taken\.png cannot be written \(EISDIR\)/,
    })
  } finally {
    await rm(folder, { recursive: true })
  }
})
