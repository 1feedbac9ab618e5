import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readLabelledFolder } from '../../shared/dataset/read-image-folder.ts'
import { cropBytes } from '../../shared/inspection/crop.ts'
import type { InspectedImage, InspectedPellet } from './inspect-image.ts'
import { writeCrops } from './write-crops.ts'

/** Pellets with a crop of their own each; every fourth has none. */
function makeImage(count: number): Pick<InspectedImage, 'pellets'> {
  const pellets = Array.from({ length: count }, (_, index) => ({
    index,
    crop: index % 4 === 3 ? undefined : Uint8Array.from({ length: cropBytes }, (_, at) => (at * (index + 1)) % 256),
  }))
  return { pellets: pellets as unknown as readonly InspectedPellet[] }
}

describe('crops written by inspect', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-crops-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('are named by image and index, and sorted into OK and NG they are trained on to the pixel', async () => {
    const images = { scan1: makeImage(40), scan2: makeImage(40) }
    for (const [name, image] of Object.entries(images)) assert.equal(await writeCrops(image, { folder, name }), 30)
    const files = await readdir(folder)
    assert.equal(files.length, 60)
    assert.ok(files.includes('scan2.38.crop.png') && !files.includes('scan2.39.crop.png'))
    for (const label of ['OK', 'NG']) await mkdir(join(folder, label))
    for (const file of files) {
      await rename(join(folder, file), join(folder, file.startsWith('scan1') ? 'OK' : 'NG', file))
    }
    const { crops, padded, skipped, groups } = await readLabelledFolder(folder, { group: /^(.+)\.\d+\.crop\.png$/ })
    assert.deepEqual([crops.count, padded, skipped, groups.count], [60, 0, [], 2])
    const written = Object.values(images).flatMap(({ pellets }) => pellets.flatMap(({ crop }) => crop ?? []))
    const digest = (pixels: Uint8Array) => createHash('sha256').update(pixels).digest('hex')
    const found = Array.from({ length: crops.count }, (_, at) =>
      crops.pixels.subarray(at * cropBytes, (at + 1) * cropBytes),
    )
    assert.deepEqual(found.map(digest).sort(), written.map(digest).sort())
  })

  it('name the file that cannot be written', async () => {
    const absent = join(folder, 'absent')
    await assert.rejects(writeCrops(makeImage(1), { folder: absent, name: 'scan' }), {
      code: 'invalid_argument',
      message: /The crop .*absent.scan\.0\.crop\.png cannot be written \(ENOENT.*--crops/,
    })
  })
})
