import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import sharp from 'sharp'
import { spotCrop, writeSpotModel } from '../../services/shared/heatmap/test-support/spot-model.ts'
import { writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { drawPelletImage, pelletGrid } from '../support/draw-pellet-image.ts'
import { runPelletline } from '../support/run-pelletline.ts'

interface Explained {
  readonly image: string
  readonly pellet: number | null
  readonly box?: { readonly x: number; readonly y: number }
  readonly model: { readonly id: string; readonly sha256: string }
  readonly verdict: 'OK' | 'NG'
  readonly scoreNg: number
  readonly explained: {
    readonly score: string
    readonly target: string
    readonly value: number
    readonly saturated: boolean
  }
  readonly heatmaps: readonly {
    readonly layer: string
    readonly width: number
    readonly height: number
    readonly peak: { readonly x: number; readonly y: number; readonly value: number } | null
  }[]
  readonly picture?: string
}

describe('pelletline explain', () => {
  let folder = ''
  let model = { path: '', sha256: '' }
  const path = (...parts: string[]) => join(folder, ...parts)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-explain-'))
    model = await writeSpotModel(folder)
    const crop = { raw: { width: 50, height: 50, channels: 1 as const } }
    await mkdir(path('crops'))
    await sharp(spotCrop({ x: 30, y: 12 }), crop)
      .png()
      .toFile(path('crops', 'bright.png'))
    await sharp(spotCrop(), crop).png().toFile(path('crops', 'plain.png'))
    await writeFile(path('crops', 'text.png'), 'This is no image.')
    // 12 pellets, 9 of them of gray 190: the model calls those NG.
    const raw = { width: 240, height: 190, channels: 1 as const }
    await sharp(drawPelletImage(raw.width, raw.height, pelletGrid(4, 3, 4)), { raw })
      .png()
      .toFile(path('scan.png'))
  })
  after(() => rm(folder, { recursive: true }))

  it('explains crops as they are, one JSON object each, names a file that is no image and does the rest', async () => {
    const layers = ['--layer', 'spots', '--layer', 'pooled']
    const run = await runPelletline(
      'explain',
      path('crops'),
      '--model',
      model.path,
      ...layers,
      '--out',
      path('out'),
      '--json',
    )
    assert.equal(run.code, 2, run.stderr)
    assert.match(run.stderr, /text\.png cannot be decoded as an image/)
    const [bright, plain] = run.json() as Explained[]
    assert.deepEqual(bright!.model, { id: 'spots', sha256: model.sha256 })
    assert.deepEqual([bright!.pellet, bright!.verdict, plain!.verdict], [null, 'NG', 'OK'])
    assert.deepEqual([bright!.explained.score, bright!.explained.target], ['probability', 'NG'])
    assert.equal(bright!.explained.value, bright!.scoreNg)
    const [spots, pooled] = bright!.heatmaps
    assert.deepEqual([spots!.width, spots!.peak!.x, spots!.peak!.y], [50, 30.5, 12.5])
    assert.deepEqual([pooled!.layer, pooled!.width, pooled!.peak!.x, pooled!.peak!.y], ['pooled', 25, 31, 13])
    assert.deepEqual(
      plain!.heatmaps.map(({ peak }) => peak),
      [null, null],
    )
    assert.deepEqual((await readdir(path('out'))).sort(), ['bright.heat.png', 'heatmaps.png', 'plain.heat.png'])
    const { width, height } = await sharp(bright!.picture!).metadata()
    assert.ok(width >= 3 * 300 && height > 300)
  })

  it('draws the heat where it is and leaves the rest of the pellet gray', async () => {
    const run = await runPelletline(
      'explain',
      path('crops', 'bright.png'),
      '--model',
      model.path,
      '--layer',
      'spots',
      '--out',
      path('drawn'),
    )
    assert.equal(run.code, 0, run.stderr)
    const { data, info } = await sharp(path('drawn', 'bright.heat.png'))
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true })
    // The tiles begin at 10, 92 and are 300 px wide; the heatmap is the second.
    const at = (x: number, y: number) => [
      ...data.subarray(3 * ((92 + 6 * y) * info.width + 312 + 6 * x)).subarray(0, 3),
    ]
    const [red, , blue] = at(30.5, 12.5)
    assert.ok(red! > 200 && blue! < 190, `${at(30.5, 12.5)}`)
    const [r, g, b] = at(15, 30)
    assert.ok(r === g && g === b && r! > 90)
  })

  it('finds the pellets of any other image and explains those that are NG, or all', async () => {
    const run = await runPelletline('explain', path('scan.png'), '--model', model.path, '--json')
    assert.equal(run.code, 0, run.stderr)
    const pellets = run.json() as Explained[]
    assert.equal(pellets.length, 9)
    assert.ok(
      pellets.every(({ verdict, box, picture }) => verdict === 'NG' && box !== undefined && picture === undefined),
    )
    assert.equal(new Set(pellets.map(({ pellet }) => pellet)).size, 9)
    // Margins near 200: the softmax score has no slope left in float32, and says so; the logit has.
    assert.ok(pellets.every(({ explained, heatmaps }) => explained.saturated && heatmaps[0]!.peak === null))
    const all = await runPelletline(
      'explain',
      path('scan.png'),
      '--model',
      model.path,
      '--all',
      '--target',
      'OK',
      '--score',
      'logit',
    )
    assert.equal(all.code, 0, all.stderr)
    assert.equal(all.stdout.match(/ OK /g)?.length, 3, all.stdout)
    const dark = await runPelletline('explain', path('scan.png'), '--model', model.path, '--roi', '165,0,75,190')
    assert.deepEqual([dark.code, dark.stdout], [0, ''])
    assert.match(dark.stderr, /no NG pellet to explain among 3 found; --all/)
  })

  it('lists the layers of a model with the default', async () => {
    const run = await runPelletline('explain', '--list-layers', '--model', model.path, '--json')
    assert.equal(run.code, 0, run.stderr)
    assert.deepEqual(run.json(), [
      { layer: 'spots', channels: 1, width: 50, height: 50, convolution: true, default: true },
      { layer: 'pooled', channels: 1, width: 25, height: 25, convolution: false, default: false },
    ])
    const table = await runPelletline('explain', '--list-layers', '--model', model.path)
    assert.match(table.stdout, /spots \(default\) +convolution +1 +50 x 50\n/)
  })

  it('refuses a layer that is not there with those that are, a model that it cannot go through, and no image', async () => {
    const [layer, operator, nothing] = await Promise.all([
      runPelletline('explain', path('crops'), '--model', model.path, '--layer', 'block9'),
      writeTinyModel(folder).then((tiny) => runPelletline('explain', path('crops'), '--model', tiny)),
      runPelletline('explain', '--model', model.path),
    ])
    assert.equal(layer.code, 3)
    assert.match(layer.stderr, /no layer block9 .*; it has spots, pooled/)
    assert.notEqual(operator.code, 0)
    assert.match(operator.stderr, /do not know the operator ReduceMean/)
    assert.equal(nothing.code, 2)
    assert.match(nothing.stderr, /No image is given/)
  })
})
