import assert from 'node:assert/strict'
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import sharp from 'sharp'
import { writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { drawPelletImage, pelletGrid } from '../support/draw-pellet-image.ts'
import { runPelletline } from '../support/run-pelletline.ts'

interface Inspection {
  readonly image: string
  readonly width: number
  readonly height: number
  readonly pellets: readonly {
    readonly index: number
    readonly box: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
    readonly areaPx: number
    readonly equivalentDiameterPx: number
    readonly aspectRatio: number
    readonly touchesBorder: boolean
    readonly verdict: 'OK' | 'NG' | null
    readonly scoreNg: number | null
    readonly reason?: string
    readonly mm?: { readonly equivalentDiameter: number; readonly aspectRatio: number }
  }[]
  readonly reconciliation: Readonly<Record<'found' | 'classified' | 'ng' | 'balanced', unknown>>
}

const width = 440
const height = 240
/** 32 pellets, 8 of them dark; the model below calls those NG. */
const grid = pelletGrid(8, 4, 4)

describe('pelletline inspect', () => {
  let folder = ''
  let model = ''
  const path = (...parts: string[]) => join(folder, ...parts)
  const raw = { width, height, channels: 1 as const }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-inspect-'))
    // Mean gray of a crop: a disc of 16 px radius covers a third of it.
    model = await writeTinyModel(folder, { id: 'tiny', gain: 0.5, center: 48 })
    const scene = drawPelletImage(width, height, grid)
    await mkdir(path('good'))
    await mkdir(path('bad'))
    await sharp(scene, { raw }).png().toFile(path('good', 'gray.png'))
    await sharp(scene, { raw }).toColourspace('srgb').jpeg({ quality: 95 }).toFile(path('good', 'colour.jpg'))
    await sharp(scene, { raw }).webp({ lossless: true }).toFile(path('good', 'scan2.webp'))
    await sharp(
      Uint16Array.from(scene, (gray) => gray * 257),
      { raw },
    )
      .toColourspace('grey16')
      .tiff({ compression: 'lzw' })
      .toFile(path('good', 'scan10.tif'))
    await sharp(scene, { raw }).negate().png().toFile(path('good', 'negative.png'))
    await sharp(drawPelletImage(width, height, []), { raw })
      .png()
      .toFile(path('bed.png'))

    await copyFile(path('good', 'gray.png'), path('bad', 'whole.png'))
    await writeFile(path('bad', 'empty.png'), '')
    await writeFile(path('bad', 'text.png'), 'This is no image.')
    await writeFile(path('bad', 'notes.txt'), 'not looked at')
    const whole = await readFile(path('good', 'gray.png'))
    await writeFile(path('bad', 'truncated.png'), whole.subarray(0, Math.floor(whole.length / 2)))
  })
  after(() => rm(folder, { recursive: true }))

  it('finds, measures and judges every pellet in every format, bit depth and polarity, in natural order', async () => {
    const run = await runPelletline('inspect', path('good'), '--json', '--model', model)
    assert.equal(run.code, 0, run.stderr)
    const images = run.json() as Inspection[]
    assert.deepEqual(
      images.map(({ image }) => image),
      ['colour.jpg', 'gray.png', 'negative.png', 'scan2.webp', 'scan10.tif'].map((name) => path('good', name)),
    )
    for (const image of images) {
      assert.deepEqual([image.width, image.height, image.pellets.length], [width, height, grid.length], image.image)
      const { classified, found, ng, balanced } = image.reconciliation
      assert.deepEqual([found, classified, ng, balanced], [32, 32, 8, true], image.image)
      for (const [index, pellet] of image.pellets.entries()) {
        assert.equal(pellet.index, index)
        const { x, y, width: w, height: h } = pellet.box
        const drawn = grid.find((one) => Math.hypot(one.x - x - w / 2, one.y - y - h / 2) < 2)
        assert.ok(drawn !== undefined, `a pellet at ${x},${y} was not drawn`)
        assert.equal(pellet.verdict, drawn.gray < 150 ? 'NG' : 'OK')
        assert.ok(Math.abs(pellet.equivalentDiameterPx - 32) < 1.5)
        assert.ok(pellet.aspectRatio < 1.1 && !pellet.touchesBorder)
        assert.ok(pellet.scoreNg! > 0.5 === (pellet.verdict === 'NG'))
      }
    }
  })

  it('writes the crops of judged pellets, the same of both polarities, and does not inspect them the next time', async () => {
    await mkdir(path('twice'))
    for (const name of ['gray.png', 'negative.png']) await copyFile(path('good', name), path('twice', name))
    const crops = path('twice', 'crops')
    for (let run = 1; run <= 2; run++) {
      const { code, stderr } = await runPelletline('inspect', path('twice'), '--crops', crops, '--model', model)
      assert.equal(code, 0, stderr)
      assert.match(stderr, /Wrote 32 crops of negative\.png to /)
    }
    assert.equal((await readdir(crops)).length, 64)
    const [light, dark] = await Promise.all(
      ['gray', 'negative'].map((name) => readFile(join(crops, `${name}.7.crop.png`))),
    )
    assert.deepEqual(light, dark)
  })

  it('keeps image coordinates within a region, gives a reason where a pellet is cut by it, and measures in mm', async () => {
    const args = ['--roi', '90,0,350,240', '--um-per-px', '50,25', '--json', '--model', model]
    const run = await runPelletline('inspect', path('good', 'gray.png'), ...args)
    assert.equal(run.code, 0, run.stderr)
    const [image] = run.json() as Inspection[]
    const cut = image!.pellets.filter(({ box }) => box.x === 90)
    assert.equal(cut.length, 4)
    for (const pellet of cut) {
      assert.deepEqual([pellet.verdict, pellet.scoreNg, pellet.reason], [null, null, 'image-edge'])
      assert.equal(pellet.touchesBorder, true)
    }
    const whole = image!.pellets.filter(({ verdict }) => verdict !== null)
    assert.equal(whole.length, 24)
    assert.ok(whole.every(({ box }) => box.x > 90))
    const { mm } = whole[0]!
    assert.ok(Math.abs(mm!.equivalentDiameter - 32 * Math.sqrt(0.05 * 0.025)) < 0.06)
    assert.ok(Math.abs(mm!.aspectRatio - 2) < 0.1, 'a disc in pixels twice as wide as high is not round')
  })

  it('writes pictures and COCO outlines, which evaluate segmentation accepts as they are', async () => {
    const coco = path('out', 'outlines.json')
    const run = await runPelletline(
      'inspect',
      path('good', 'gray.png'),
      '--out',
      path('out'),
      '--coco',
      coco,
      '--model',
      model,
    )
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /gray\.png +440 x 240 +32 +32 +24 +8 +0 /)
    assert.deepEqual((await readdir(path('out'))).sort(), ['gray.annotated.png', 'gray.worst.png', 'outlines.json'])
    const file = JSON.parse(await readFile(coco, 'utf8')) as {
      categories: { name: string }[]
      annotations: { category_id: number }[]
    }
    assert.deepEqual(
      file.categories.map(({ name }) => name),
      ['OK', 'NG', 'not judged'],
    )
    assert.equal(file.annotations.filter(({ category_id }) => category_id === 2).length, 8)

    const args = ['--images', path('good'), '--coco', coco, '--json']
    const evaluated = await runPelletline('evaluate', 'segmentation', ...args)
    assert.equal(evaluated.code, 0, evaluated.stderr)
    const total = evaluated.json().at(-1) as { image: string; recall: number; precision: number; meanIou: number }
    assert.deepEqual([total.image, total.recall, total.precision, total.meanIou], ['total', 1, 1, 1])
  })

  it('an image without a pellet is a valid result that is said so', async () => {
    const run = await runPelletline('inspect', path('bed.png'), '--json', '--model', model)
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stderr, /bed\.png: no pellet found/)
    const [image] = run.json() as Inspection[]
    assert.deepEqual([image!.pellets, image!.reconciliation.found, image!.reconciliation.balanced], [[], 0, true])
  })

  it('names each bad file with its reason, inspects the rest, and ends with a status that is not 0', async () => {
    const run = await runPelletline('inspect', path('bad'), path('gone'), path('bed.png'), '--json', '--model', model)
    assert.equal(run.code, 1, 'not found and invalid together')
    assert.deepEqual(
      (run.json() as Inspection[]).map(({ image, pellets }) => [image, pellets.length]),
      [
        [path('bad', 'whole.png'), 32],
        [path('bed.png'), 0],
      ],
    )
    assert.match(run.stderr, /empty\.png: is empty \(0 bytes\)/)
    assert.match(run.stderr, /text\.png: cannot be read as an image/)
    assert.match(run.stderr, /truncated\.png: is truncated or damaged/)
    assert.match(run.stderr, /gone: there is no such file or folder; check the path/)
    assert.match(run.stderr, /Passed over in the folders, .*: 1\./)
    assert.doesNotMatch(run.stderr, / {4}at /, 'no stack traces for bad input')
  })

  it('a path that is not there ends with 3, a file that is no image with 2', async () => {
    const [gone, text] = await Promise.all([
      runPelletline('inspect', path('gone.png')),
      runPelletline('inspect', path('bad', 'text.png'), '--model', model),
    ])
    assert.deepEqual([gone.code, text.code], [3, 2])
    assert.equal(gone.stdout + text.stdout, '')
  })

  it('refuses a model whose digest is not that of its manifest, and one that is unknown', async () => {
    const damaged = await writeTinyModel(folder, { id: 'damaged', manifest: { sha256: '0'.repeat(64) } })
    const [digest, unknown] = await Promise.all([
      runPelletline('inspect', path('good', 'gray.png'), '--model', damaged),
      runPelletline('inspect', path('good', 'gray.png'), '--model', 'no-such-model'),
    ])
    assert.equal(digest.code, 1)
    assert.match(digest.stderr, /damaged\.onnx has SHA-256 .* expects 0{64}/)
    assert.equal(unknown.code, 3)
    assert.match(unknown.stderr, /There is no model "no-such-model"/)
  })

  it('refuses a region outside the image by name', async () => {
    const run = await runPelletline('inspect', path('good', 'gray.png'), '--roi', '400,0,100,100', '--model', model)
    assert.equal(run.code, 2)
    assert.match(run.stderr, /region of interest 400,0,100,100 .* 440 x 240/)
  })
})
