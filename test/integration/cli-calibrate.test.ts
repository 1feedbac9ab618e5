import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { simulateReference } from '../../services/line-simulator/index.ts'
import { readCalibrationProfile } from '../../services/shared/calibration/calibration-profile.ts'
import { createTestRandom } from '../support/draw-belt.ts'
import { encodeDeepPng } from '../support/encode-deep-png.ts'
import { runCliInside } from '../support/run-cli-inside.ts'

describe('pelletline calibrate', () => {
  let folder = ''
  const at = (name: string) => join(folder, name)
  const references = () => ['--dark', at('dark.plr'), '--light', at('light.plr')]

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-calibrate-'))
    const settings = { width: 256, optics: { unevenLight: 0.4, darkLevel: 8, deadColumns: 1 } }
    const dirty = { ...settings, optics: { ...settings.optics, dirtStreaks: 12 } }
    for (const kind of ['dark', 'light'] as const) {
      await simulateReference({ out: at(`${kind}.plr`), kind, rows: 512, seed: 3, settings })
    }
    await simulateReference({ out: at('dirty.plr'), kind: 'light', rows: 512, seed: 3, settings: dirty })
  })
  after(() => rm(folder, { recursive: true }))

  it('writes a profile and a plot from recordings, and states the smallest speck in px and µm', async () => {
    const out = at('line-1.calibration.json')
    const exposure = ['--blur', '0.7', '--speed', '2000', '--exposure', '20']
    const run = await runCliInside('calibrate', ...references(), ...exposure, '--out', out, '--plot', at('a.svg'))
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /Smallest speck \(a90\/95\) +\d\.\d\d px = \d+ µm/)
    assert.match(run.stdout, /Bad columns +1: \d+ dead/)
    const profile = await readCalibrationProfile(out)
    assert.deepEqual([profile.name, profile.width, profile.umPerPxAcross], ['line-1', 256, 80])
    assert.equal(profile.exposureBlurPx, 0.5)
    assert.match(await readFile(at('a.svg'), 'utf8'), /^<svg/)
  })

  it('checks a profile against fresh references: exit code 0 where it holds, 1 with the reason after dirt', async () => {
    const out = at('checked.calibration.json')
    await runCliInside('calibrate', ...references(), '--blur', '0.7', '--out', out)
    const holds = await runCliInside('calibrate', '--check', out, ...references())
    assert.deepEqual([holds.code, /still holds/.test(holds.stderr)], [0, true], holds.stderr)
    const dirty = ['--dark', at('dark.plr'), '--light', at('dirty.plr')]
    const drifted = await runCliInside('calibrate', '--check', out, ...dirty, '--json')
    assert.equal(drifted.code, 1, drifted.stderr)
    assert.match(drifted.stderr, /holds no more: the gain of/)
    assert.equal((drifted.json()[0] as { holds: boolean }).holds, false)
  })

  it('refuses with --check what only a new profile takes, rather than to leave it out', async () => {
    for (const extra of [
      ['--plot', at('check.svg')],
      ['--blur', '0.7'],
      ['--out', at('b.calibration.json')],
    ]) {
      const run = await runCliInside('calibrate', '--check', at('a.calibration.json'), ...references(), ...extra)
      assert.equal(run.code, 2)
      assert.match(run.stderr, new RegExp(`--check <file>' cannot be used with option '${extra[0]} `))
    }
  })

  it('takes 12 bit images with an edge target, and refuses a wrong depth by pixel', async () => {
    const random = createTestRandom(5)
    const image = (level: (column: number) => number) =>
      encodeDeepPng(
        Uint16Array.from({ length: 128 * 300 }, (_, i) => Math.round(level(i % 128) + 40 * (random() - 0.5))),
        128,
      )
    await writeFile(
      at('dark.png'),
      image(() => 150),
    )
    await writeFile(
      at('light.png'),
      image((column) => 3000 - 5 * column),
    )
    await writeFile(
      at('edge.png'),
      image((column) => 400 + 2400 / (1 + Math.exp((60 - column) * 2))),
    )
    const images = ['--dark', at('dark.png'), '--light', at('light.png'), '--edge', at('edge.png'), '--um-per-px', '40']
    const out = at('deep.calibration.json')
    const run = await runCliInside('calibrate', ...images, '--bits', '12', '--out', out, '--plot', at('deep.png'))
    assert.equal(run.code, 0, run.stderr)
    const profile = await readCalibrationProfile(out)
    assert.deepEqual([profile.bitDepth, profile.blurFrom], [12, 'edge'])
    assert.ok(profile.blurPx > 0.6 && profile.blurPx < 1, `${profile.blurPx}`)
    assert.ok((await stat(at('deep.png'))).size > 1000)
    const wrong = await runCliInside('calibrate', ...images, '--bits', '10', '--out', out)
    assert.equal(wrong.code, 2)
    assert.match(wrong.stderr, /light\.png holds gray \d+ at column 0, row 0; 10 bit reach to 1023/)
  })

  it('refuses what is missing or unusable with the next step', async () => {
    const out = at('no.calibration.json')
    const cases: [string[], RegExp][] = [
      [[...references(), '--out', out], /state the blur by --blur/],
      [[...references(), '--blur', '1'], /Give --out NAME\.calibration\.json/],
      [[...references(), '--blur', '1', '--out', at('no.json')], /names no calibration/],
      [['--dark', at('light.plr'), '--light', at('light.plr'), '--blur', '1', '--out', out], /cover the lens/],
      [[...references(), '--blur', '1', '--out', out, '--speed', '100'], /both --speed .* and --exposure/],
    ]
    for (const [args, message] of cases) {
      const run = await runCliInside('calibrate', ...args)
      assert.equal(run.code, 2, run.stderr)
      assert.match(run.stderr, message)
    }
  })
})
