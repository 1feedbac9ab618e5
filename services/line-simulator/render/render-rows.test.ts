import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Fault, type FaultName, faultEffects, faultNames, parseFault } from '../faults.ts'
import { type LineSettingsInput, resolveLineSettings } from '../settings.ts'
import { pelletTruth } from '../truth/pellet-truth.ts'
import { createNoiseTiles } from './noise-tiles.ts'
import { createLineRenderer, type LineRenderer } from './render-rows.ts'

const tiles = createNoiseTiles()
const small: LineSettingsInput = { width: 512, pelletsPerMpx: 150, specks: { prevalence: 0.2 } }
/** No noise, texture or fall of light: what is bright is pellet. */
const clean: LineSettingsInput = {
  ...small,
  product: { dustPerMpx: 0, tailShare: 0, finesShare: 0 },
  optics: { readNoise: 0, shotNoise: 0, bedTexture: 0, unevenLight: 0, flicker: 0, bedGray: 0 },
}

function rendererOf(settings: LineSettingsInput, seed = 1, faults: readonly Fault[] = []): LineRenderer {
  return createLineRenderer({ settings: resolveLineSettings(settings), seed, faults, tiles })
}

function rowsOf(renderer: LineRenderer, firstRow: number, rows: number): Uint8Array {
  const out = new Uint8Array(rows * renderer.settings.width)
  renderer.render(firstRow, rows, out)
  return out
}

function meanOf(pixels: Uint8Array): number {
  return pixels.reduce((sum, v) => sum + v, 0) / pixels.length
}

describe('line renderer', () => {
  it('gives the same rows for the same seed and others for another', () => {
    const rows = rowsOf(rendererOf(small, 7), 1000, 300)
    assert.deepEqual(rowsOf(rendererOf(small, 7), 1000, 300), rows)
    assert.notDeepEqual(rowsOf(rendererOf(small, 8), 1000, 300), rows)
  })

  for (const spritePool of [0, 32])
    it(`gives the same rows and truth however they are cut, with a pool of ${spritePool}`, () => {
      const settings = { ...small, spritePool }
      const whole = rowsOf(rendererOf(settings), 0, 900)
      const cut = rendererOf(settings)
      const ids: number[] = []
      for (let row = 0, height = 1; row < 900; row += height, height = ((height * 7) % 61) + 1) {
        const rows = Math.min(height, 900 - row)
        assert.deepEqual(rowsOf(cut, row, rows), whole.subarray(row * 512, (row + rows) * 512), `rows from ${row}`)
        ids.push(...cut.pelletsEndingIn(row, rows).map((pellet) => pellet.id))
      }
      assert.deepEqual(
        ids,
        rendererOf(settings)
          .pelletsEndingIn(0, 900)
          .map((pellet) => pellet.id),
      )
    })

  it('holds density, prevalence and share of subSize pellets as set', () => {
    const settings = {
      width: 2048,
      pelletsPerMpx: 150,
      specks: { prevalence: 0.1, subSizeShare: 0.5 },
      product: { finesShare: 0 },
      spritePool: 16,
    }
    const renderer = rendererOf(settings)
    const pellets = renderer.pelletsEndingIn(1000, 30_000)
    const expected = 150 * 2.048 * 30
    assert.ok(Math.abs(pellets.length - expected) < 4 * Math.sqrt(expected), `${pellets.length} pellets of ${expected}`)
    const share = (name: string) => pellets.filter((pellet) => pellet.class === name).length / pellets.length
    assert.ok(Math.abs(share('NG') - 0.1) < 0.013, `NG ${share('NG')}`)
    assert.ok(Math.abs(share('subSize') - 0.05) < 0.01, `subSize ${share('subSize')}`)
  })

  it('classes pellets by the smallest speck and contrast that the settings state', () => {
    const settings = resolveLineSettings({
      ...small,
      specks: { prevalence: 0.4, subSizeShare: 1, smallestSpeckPx: 4, minContrast: 0.5 },
    })
    const renderer = createLineRenderer({ settings, seed: 2, tiles })
    const seen = new Set<string>()
    for (const pellet of renderer.pelletsEndingIn(0, 6000).map((p) => pelletTruth(p))) {
      const counts = pellet.specks.some((speck) => speck.diameterPx >= 3.99 && speck.contrast >= 0.499)
      assert.equal(counts, pellet.class === 'NG', JSON.stringify(pellet))
      if (pellet.class === 'OK') assert.equal(pellet.specks.length, 0)
      seen.add(pellet.class)
    }
    assert.deepEqual([...seen].sort(), ['NG', 'OK', 'subSize'])
  })

  it('places clusters that touch and all others apart', () => {
    const pellets = rendererOf({ width: 1024, pelletsPerMpx: 150, clusterShare: 0.3 }).pelletsEndingIn(0, 4000)
    const clustered = pellets.filter((pellet) => pellet.clusterId >= 0).length / pellets.length
    assert.ok(clustered > 0.18 && clustered < 0.42, `share in clusters ${clustered}`)
    for (const [i, a] of pellets.entries())
      for (const b of pellets.slice(i + 1)) {
        if (a.clusterId >= 0 && a.clusterId === b.clusterId) continue
        const distance = Math.hypot(a.x - b.x, a.y - b.y)
        assert.ok(distance > a.look.outline.maxRadius + b.look.outline.maxRadius, `pellets ${a.id} and ${b.id}`)
      }
  })

  it('agrees in area, place and box with the truth where pixels are thresholded without noise', () => {
    const flat = { shading: 0, translucency: 0, glossShare: 0, patternShare: 0, markShare: 0, mottle: 0 }
    const settings = { ...clean, clusterShare: 0, specks: { prevalence: 0 }, product: { ...clean.product, ...flat } }
    const renderer = rendererOf({ ...settings, optics: { ...clean.optics, blurPx: 0 } }, 5)
    const pixels = rowsOf(renderer, 0, 1200)
    let checked = 0
    for (const pellet of renderer.pelletsEndingIn(0, 1200)) {
      const truth = pelletTruth(pellet)
      const { box } = truth
      if (box.x < 3 || box.y < 3 || box.x + box.width > 509 || box.y + box.height > 1197 || truth.kind !== 'single')
        continue
      let area = 0
      let left = 512
      let right = 0
      for (let y = box.y - 3; y < box.y + box.height + 3; y++)
        for (let x = box.x - 3; x < box.x + box.width + 3; x++)
          if (pixels[y * 512 + x]! > 80 && Math.hypot(x - pellet.x, y - pellet.y) < pellet.look.outline.maxRadius + 2) {
            area++
            left = Math.min(left, x)
            right = Math.max(right, x)
          }
      assert.ok(Math.abs(area / truth.areaPx - 1) < 0.06, `pellet ${truth.id}: ${area} px, truth ${truth.areaPx}`)
      assert.ok(Math.abs(left - box.x) <= 2 && Math.abs(right + 1 - box.x - box.width) <= 2, `pellet ${truth.id}`)
      checked++
    }
    assert.ok(checked > 40)
  })

  it('shows every speck that counts darker than its surroundings', () => {
    const renderer = rendererOf(
      { ...clean, clusterShare: 0, specks: { prevalence: 0.5, subSizeShare: 0, severalShare: 0 } },
      6,
    )
    const pixels = rowsOf(renderer, 0, 1500)
    let checked = 0
    for (const pellet of renderer.pelletsEndingIn(0, 1500)) {
      const speck = pellet.specks[0]
      if (
        speck === undefined ||
        speck.place === 'rim' ||
        speck.bend !== 0 ||
        pellet.x < 40 ||
        pellet.x > 470 ||
        pellet.y < 40
      )
        continue
      const centre = pixels[Math.floor(pellet.y + speck.y) * 512 + Math.floor(pellet.x + speck.x)]!
      assert.ok(
        centre < pellet.look.gray * (1.1 - 0.5 * speck.contrast),
        `pellet ${pellet.id}: ${centre} of ${pellet.look.gray}, contrast ${speck.contrast}`,
      )
      checked++
    }
    assert.ok(checked > 20)
  })

  it('dark on light is the negative', () => {
    const light = rowsOf(rendererOf(small, 3), 200, 64)
    const dark = rowsOf(rendererOf({ ...small, optics: { polarity: 'dark-on-light' } }, 3), 200, 64)
    assert.deepEqual(
      dark,
      light.map((v) => 255 - v),
    )
  })
})

describe('faults', () => {
  const at = (name: FaultName): Fault[] => [{ name, atSeconds: 1 }]
  /** Row 4400 is second 1; row 30,000 is long after. */
  const late = 30_000

  it('leave the rows before their time as they are', () => {
    const before = rowsOf(rendererOf(small), 2000, 200)
    for (const name of faultNames) assert.deepEqual(rowsOf(rendererOf(small, 1, at(name)), 2000, 200), before, name)
  })

  it('lamp-dims takes 40 % of the light', () => {
    const ratio =
      meanOf(rowsOf(rendererOf(small, 1, at('lamp-dims')), late, 300)) / meanOf(rowsOf(rendererOf(small), late, 300))
    assert.ok(Math.abs(ratio - 0.6) < 0.03, `ratio ${ratio}`)
  })

  it('window-dirt darkens one band of columns and no other', () => {
    const without = rowsOf(rendererOf(small), late, 600)
    const dirty = rowsOf(rendererOf(small, 1, at('window-dirt')), late, 600)
    const columns = new Set<number>()
    dirty.forEach((v, i) => {
      if (v !== without[i]) columns.add(i % 512)
    })
    const changed = [...columns].sort((a, b) => a - b)
    assert.ok(changed.length > 8 && changed.length <= 22)
    assert.equal(changed.at(-1)! - changed[0]! + 1 - changed.length <= 3, true)
  })

  it('focus-drifts leaves no steep edge', () => {
    const steepest = (pixels: Uint8Array) =>
      pixels.reduce((most, v, i) => (i % 512 > 0 ? Math.max(most, v - pixels[i - 1]!) : most), 0)
    assert.ok(
      steepest(rowsOf(rendererOf(clean, 1, at('focus-drifts')), late, 600)) <
        0.6 * steepest(rowsOf(rendererOf(clean), late, 600)),
    )
  })

  it('product-darkens lowers the gray of pellets', () => {
    const gray = (renderer: LineRenderer) => {
      const pellets = renderer.pelletsEndingIn(late, 3000)
      return pellets.reduce((sum, pellet) => sum + pellet.look.gray, 0) / pellets.length
    }
    assert.ok(Math.abs(gray(rendererOf(small, 1, at('product-darkens'))) / gray(rendererOf(small)) - 0.58) < 0.04)
  })

  it('new-speck-kind adds 2 % of NG pellets with large pale specks', () => {
    const settings: LineSettingsInput = { width: 2048, pelletsPerMpx: 150, specks: { prevalence: 0 }, spritePool: 16 }
    const ng = (faults: Fault[]) => {
      const pellets = rendererOf(settings, 1, faults).pelletsEndingIn(late, 20_000)
      return { share: pellets.filter((pellet) => pellet.class === 'NG').length / pellets.length, pellets }
    }
    assert.equal(ng([]).share, 0)
    const { share, pellets } = ng(at('new-speck-kind'))
    assert.ok(share > 0.013 && share < 0.027, `share ${share}`)
    const specks = pellets.flatMap((pellet) => pellet.specks)
    assert.ok(specks.every((speck) => Math.abs(speck.contrast) < 0.46 && speck.diameterPx >= 3))
    assert.ok(specks.some((speck) => speck.contrast < 0))
  })

  it('rise to their full in steps and stay there', () => {
    const darkening = [0.9, 1, 2, 3, 99].map((t) => faultEffects(at('product-darkens'), t).darkening)
    assert.deepEqual(darkening, [0, 0.125, 0.625, 1, 1])
  })

  it('are parsed from NAME@SECONDS, and what is wrong is answered with the names', () => {
    assert.deepEqual(parseFault('product-darkens@5s'), { name: 'product-darkens', atSeconds: 5 })
    assert.deepEqual(parseFault('lamp-dims@1.5'), { name: 'lamp-dims', atSeconds: 1.5 })
    for (const text of ['', 'lamp-dims', 'lamp@5s', 'lamp-dims@', 'lamp-dims@x', 'lamp-dims@-1s', 'lamp-dims@1s@2s'])
      assert.throws(
        () => parseFault(text),
        /lamp-dims, focus-drifts, window-dirt, product-darkens, new-speck-kind, rows-lost/,
        text,
      )
  })
})
