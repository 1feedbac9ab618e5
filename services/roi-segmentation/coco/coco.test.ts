import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { encodeGrayPng } from '../../shared/images/encode-gray-png.ts'
import { drawBed, drawDisc } from '../kernel/drawn-image.ts'
import { segmentImage } from '../segment-image.ts'
import { evaluateSegmentation } from './evaluate-segmentation.ts'
import { matchObjects } from './match-objects.ts'
import { intersectionOverUnion, rasterisePolygons } from './rasterise-polygon.ts'
import { readCoco } from './read-coco.ts'
import { cocoOfPellets } from './write-coco.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-coco-'))
})
after(() => rm(folder, { recursive: true, force: true }))

const box = (x: number, y: number, width: number, height: number) => [
  x,
  y,
  x + width,
  y,
  x + width,
  y + height,
  x,
  y + height,
]

describe('rasterisePolygons', () => {
  it('holds the pixels whose centres are inside, by the even-odd rule, clipped to the image', () => {
    assert.equal(rasterisePolygons([box(2, 3, 4, 5)], 20, 20)!.area, 20)
    assert.equal(rasterisePolygons([box(2.6, 3, 4, 5)], 20, 20)!.x, 2)
    assert.equal(rasterisePolygons([box(0, 0, 10, 10), box(3, 3, 4, 4)], 20, 20)!.area, 84)
    assert.equal(rasterisePolygons([box(-5, 15, 10, 10)], 20, 20)!.area, 25)
    assert.equal(rasterisePolygons([box(30, 30, 5, 5)], 20, 20), undefined)
  })
})

describe('matchObjects', () => {
  it('matches one to one by descending IoU', () => {
    const mask = (x: number, width: number) => rasterisePolygons([box(x, 0, width, 10)], 100, 10)
    assert.equal(intersectionOverUnion(mask(0, 10)!, mask(5, 10)!), 50 / 150)
    // Both found objects overlap the first annotated one; the better one gets it, the other one gets what is left.
    const matches = matchObjects([mask(0, 10), mask(10, 10), undefined], [mask(2, 10), mask(0, 10), undefined], 0.05)
    assert.deepEqual(
      matches.map(({ annotated, found }) => [annotated, found]),
      [
        [0, 1],
        [1, 0],
      ],
    )
    assert.deepEqual(matchObjects([mask(0, 10)], [mask(8, 10)], 0.5), [])
  })
})

describe('cocoOfPellets', () => {
  it('writes ids, boxes, areas and polygons that agree with each other and are read back', async () => {
    const image = drawBed(300, 200, 5)
    for (const [x, y] of [
      [50, 60],
      [89, 62],
      [200, 100],
      [299, 30],
    ])
      drawDisc(image, x!, y!, 20, 190)
    for (const [x, y] of [
      [60, 150],
      [120, 150],
      [240, 170],
    ])
      drawDisc(image, x!, y!, 20, 190)
    const { pellets } = await segmentImage(image)
    assert.equal(pellets.length, 7)
    const coco = cocoOfPellets(
      [
        { fileName: 'a.png', width: 300, height: 200, pellets },
        { fileName: 'b.png', width: 300, height: 200, pellets, categoryOf: (_, i) => i % 2 },
      ],
      ['OK', 'NG'],
    )
    assert.deepEqual(
      coco.annotations.map(({ id }) => id),
      Array.from({ length: 14 }, (_, i) => i + 1),
    )
    assert.deepEqual(
      coco.categories.map(({ id, name }) => [id, name]),
      [
        [1, 'OK'],
        [2, 'NG'],
      ],
    )
    for (const annotation of coco.annotations) {
      const mask = rasterisePolygons(annotation.segmentation, 300, 200)!
      assert.deepEqual(annotation.bbox, [mask.x, mask.y, mask.width, mask.height])
      assert.equal(annotation.area, mask.area)
      assert.equal(annotation.iscrowd, 0)
      for (const ring of annotation.segmentation) assert.ok(ring.length >= 6 && ring.length % 2 === 0)
    }
    const path = join(folder, 'written.json')
    await writeFile(path, JSON.stringify(coco))
    const read = await readCoco(path)
    assert.deepEqual(
      read.map(({ fileName, objects }) => [fileName, objects.length]),
      [
        ['a.png', 7],
        ['b.png', 7],
      ],
    )
    assert.deepEqual(read[0]!.objects[0], coco.annotations[0]!.segmentation)
  })
})

describe('readCoco', () => {
  it('names the file and the annotation that is wrong', async () => {
    const path = join(folder, 'broken.json')
    const images = [{ id: 1, file_name: 'a.png', width: 10, height: 10 }]
    const refused = async (text: string, message: RegExp) => {
      await writeFile(path, text)
      await assert.rejects(readCoco(path), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'invalid_argument')
        assert.ok(error.message.startsWith(path))
        assert.match(error.message, message)
        return true
      })
    }
    await refused('{', /is not JSON/)
    await refused('[]', /the file is not an object/)
    await refused(JSON.stringify({ images }), /annotations is not a list/)
    const annotation = { id: 1, image_id: 2, segmentation: [box(0, 0, 5, 5)] }
    await refused(JSON.stringify({ images, annotations: [annotation] }), /annotations\[0\] has image_id 2/)
    const mask = { id: 1, image_id: 1, segmentation: { counts: 'abc', size: [10, 10] } }
    await refused(JSON.stringify({ images, annotations: [mask] }), /annotations\[0\].segmentation/)
    await assert.rejects(readCoco(join(folder, 'none.json')), { code: 'not_found' })
  })
})

describe('evaluateSegmentation', () => {
  it('counts matches, misses, false finds and a pellet at the border', async () => {
    const image = drawBed(240, 160, 6)
    const discs = [
      [40, 40],
      [79, 44],
      [150, 50],
      [238, 100],
      [60, 120],
      [150, 120],
    ] as const
    for (const [x, y] of discs) drawDisc(image, x, y, 20, 180)
    await writeFile(join(folder, 'drawn.png'), await encodeGrayPng(image.pixels, 240, 160))
    const polygon = ([x, y]: readonly [number, number], r = 20) =>
      Array.from({ length: 40 }, (_, i) => {
        const angle = (2 * Math.PI * i) / 40
        return [x + r * Math.cos(angle), y + r * Math.sin(angle)]
      }).flat()
    // The last disc is not annotated; one annotation has nothing to match.
    const objects = [...discs.slice(0, 5).map((disc) => polygon(disc)), polygon([200, 30], 9)]
    const annotations = objects.map((ring, i) => ({ id: i + 1, image_id: 7, category_id: 1, segmentation: [ring] }))
    const cocoPath = join(folder, 'drawn.json')
    const images = [{ id: 7, file_name: 'drawn.png', width: 240, height: 160 }]
    await writeFile(cocoPath, JSON.stringify({ images, annotations }))
    const { images: each, total } = await evaluateSegmentation({ imagesDir: folder, cocoPath })
    const { annotated, found, matched, recall, precision, countError } = each[0]!
    assert.deepEqual({ annotated, found, matched, countError }, { annotated: 6, found: 6, matched: 5, countError: 0 })
    assert.deepEqual([recall, precision], [5 / 6, 5 / 6])
    assert.ok(each[0]!.meanIou > 0.93 && each[0]!.msPerMegapixel > 0)
    assert.equal(total.matched, 5)
  })

  const { PELLETLINE_DATA: data = join(import.meta.dirname, '../../../../shared/data') } = process.env
  const scans = join(data, 'granule-scans')
  // The scans are not part of the project; whoever has them checks them too.
  if (existsSync(join(scans, 'annotations.json'))) {
    it('reaches recall and precision of .975 on the annotated granule scans', async () => {
      const { total } = await evaluateSegmentation({ imagesDir: scans, cocoPath: join(scans, 'annotations.json') })
      const reached = `recall ${total.recall}, precision ${total.precision}`
      assert.ok(total.recall >= 0.975 && total.precision >= 0.975, reached)
    })
  }
})
