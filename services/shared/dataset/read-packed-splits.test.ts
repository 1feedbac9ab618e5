import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createCropDataset } from './create-crop-dataset.ts'
import { writePackedCrops } from './packed-crops.ts'
import { readPackedSplits } from './read-packed-splits.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-splits-'))
})
after(() => rm(folder, { recursive: true }))

const cropsOf = (count: number, gray: number) =>
  createCropDataset({
    source: `gray ${gray}`,
    pixels: new Uint8Array(count * 2500).fill(gray),
    labels: Uint8Array.from({ length: count }, (_, i) => i & 1),
  })
const random = () => 0.5

test('packed splits come from one file cut 7:2:1, or from a folder of three files as they are', async () => {
  assert.equal(await readPackedSplits(folder, random), undefined)
  assert.equal(await readPackedSplits(join(folder, 'nowhere'), random), undefined)

  await writePackedCrops(join(folder, 'all.crops'), cropsOf(40, 1))
  const cut = await readPackedSplits(join(folder, 'all.crops'), random)
  assert.deepEqual([cut?.train.count, cut?.val.count, cut?.test.count], [28, 8, 4])

  const parts = { train: cropsOf(6, 2), val: cropsOf(4, 3), test: cropsOf(2, 4) }
  await writePackedCrops(join(folder, 'train.crops'), parts.train)
  await assert.rejects(readPackedSplits(folder, random), { code: 'not_found', message: /(val|test)\.crops/ })
  await writePackedCrops(join(folder, 'val.crops'), parts.val)
  await writePackedCrops(join(folder, 'test.crops'), parts.test)
  assert.deepEqual(await readPackedSplits(folder, random), parts)
})
