import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createCropDataset, selectCrops } from './create-crop-dataset.ts'
import { openPackedCrops } from './open-packed-crops.ts'
import { isPackedCrops, readPackedCrops, writePackedCrops } from './packed-crops.ts'
import { refuseLessThanBatch } from './refuse-less-than-batch.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-packed-'))
})
after(() => rm(folder, { recursive: true }))

const crops = createCropDataset({
  source: 'Prüfung, seed 7',
  pixels: Uint8Array.from({ length: 3 * 2500 }, (_, i) => (i * 31) & 255),
  labels: Uint8Array.of(0, 1, 1),
  speckPx: Float32Array.of(0, 4.5, Number.NaN),
  group: Int32Array.of(-1, 2, 2),
})

test('packed crops come back as they were written, digest included, and leave no temporary file', async () => {
  const path = join(folder, 'a.crops')
  await writePackedCrops(path, crops)
  assert.deepEqual(await readPackedCrops(path), crops)
  assert.equal(await isPackedCrops(path), true)
  assert.deepEqual(await readdir(folder), ['a.crops'])
})

test('packed crops that are cut, damaged or something else are refused by name', async () => {
  const path = join(folder, 'b.crops')
  await writePackedCrops(path, crops)
  const bytes = await readFile(path)
  await writeFile(path, bytes.subarray(0, bytes.length - 7))
  await assert.rejects(readPackedCrops(path), {
    code: 'data_loss',
    message: /b\.crops should hold \d+ bytes for 3 crops/,
  })
  bytes[2000]! ^= 4
  await writeFile(path, bytes)
  await assert.rejects(readPackedCrops(path), { code: 'data_loss', message: /b\.crops is damaged/ })
  await writeFile(path, 'PLCROPS, but text that goes on for a while')
  await assert.rejects(readPackedCrops(path), { code: 'invalid_argument', message: /no packed crops of version 1/ })
  assert.equal(await isPackedCrops(path), false)
  await assert.rejects(readPackedCrops(join(folder, 'absent')), { code: 'not_found' })
})

test('packed crops are read piece by piece as they were written, after their digest was checked', async () => {
  const path = join(folder, 'c.crops')
  await writePackedCrops(path, crops)
  const file = await openPackedCrops(path)
  assert.deepEqual([file.digest, file.source, file.count], [crops.digest, crops.source, 3])
  assert.deepEqual([[...file.labels], [...file.group], [...file.speckPx]], [[0, 1, 1], [-1, 2, 2], [...crops.speckPx]])
  const pieces = [await file.readPixels(0, 2), await file.readPixels(2, 1)]
  assert.deepEqual(Buffer.concat(pieces), Buffer.from(crops.pixels))
  await file.close()

  const bytes = await readFile(path)
  bytes[bytes.length - 40]! ^= 1
  await writeFile(path, bytes)
  await assert.rejects(openPackedCrops(path), { code: 'data_loss', message: /c\.crops is damaged/ })
  await assert.rejects(openPackedCrops(path, AbortSignal.abort()), { code: 'cancelled' })
})

test('training part of fewer crops than a batch is refused with the way out', () => {
  refuseLessThanBatch({ train: crops }, 3)
  assert.throws(() => refuseLessThanBatch({ train: crops }, 4), {
    code: 'invalid_argument',
    message: /holds 3 crops and a batch takes 4: add images, or take batches of at most 3 \(batchSize\)/,
  })
})

test('dataset is refused where its columns differ in length or a label is unknown', () => {
  const { pixels } = crops
  assert.throws(() => createCropDataset({ source: 'x', pixels, labels: new Uint8Array(2) }), {
    code: 'invalid_argument',
    message: /x: 2 labels, but 3 crops/,
  })
  assert.throws(() => createCropDataset({ source: 'x', pixels, labels: Uint8Array.of(0, 1, 2) }), {
    message: /label 2 of crop 2 is neither 0 nor 1/,
  })
})

test('selected crops keep their columns together', () => {
  const picked = selectCrops(crops, [2, 0])
  assert.deepEqual([...picked.labels], [1, 0])
  assert.deepEqual([...picked.group], [2, -1])
  assert.deepEqual(picked.pixels.subarray(2500), crops.pixels.subarray(0, 2500))
  assert.notEqual(picked.digest, crops.digest)
})
