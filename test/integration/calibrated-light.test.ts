import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPixelConversion } from '../../services/camera-gateway/convert-pixels.ts'
import { createLightFollower } from '../../services/camera-gateway/follow-light.ts'
import { PixelFormat } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { createLineRenderer, renderReference, resolveLineSettings } from '../../services/line-simulator/index.ts'
import { createSegmenter } from '../../services/roi-segmentation/index.ts'
import { buildCalibration } from '../../services/shared/calibration/build-calibration.ts'
import type { CalibrationProfile } from '../../services/shared/calibration/calibration-profile.ts'
import { createColumnMeasurer } from '../../services/shared/calibration/measure-columns.ts'

const width = 1024
const rows = 256
const strips = 8
const seed = 11
const optics = { unevenLight: 0, bedGray: 40 }
const even = resolveLineSettings({ width, optics })
const uneven = resolveLineSettings({
  width,
  optics: {
    ...optics,
    unevenLight: 0.72,
    darkLevel: 8,
    darkPattern: 1,
    gainPattern: 0.03,
    dirtStreaks: 4,
    deadColumns: 2,
  },
})

interface Found {
  readonly x: number
  readonly y: number
  readonly areaPx: number
}

/** Single pellets of a line as gateway and segmentation find them. */
function find(settings: typeof even, calibration?: CalibrationProfile): Found[] {
  const renderer = createLineRenderer({ settings, seed })
  const conversion = createPixelConversion(PixelFormat.MONO8, Polarity.LIGHT_ON_DARK, calibration)
  const follower = createLightFollower({ memoryStrips: 16 })
  const segmenter = createSegmenter({ width })
  const found: Found[] = []
  for (let strip = 0; strip < strips; strip++) {
    const raw = new Uint8Array(width * rows)
    renderer.render(strip * rows, rows, raw)
    const pixels = conversion.convert(raw, () => new Uint8Array(width * rows))
    const { threshold } = follower.follow(pixels, width)
    const { pellets } = segmenter.push(
      { pixels, width, rows, firstRow: strip * rows, rowsLostBefore: 0 },
      { threshold, medianAreaPx: 1000, minAreaPx: 60, cropScale: 1, maxPelletRows: 400, maxPelletsPerStrip: 5000 },
    )
    for (let i = 0; i < pellets.count; i++) {
      if (pellets.touchesBorder[i] !== 0 || pellets.notJudged[i] !== 0) continue
      const [x, y] = [pellets.x[i]! + pellets.width[i]! / 2, pellets.y[i]! + pellets.height[i]! / 2]
      found.push({ x, y, areaPx: pellets.areaPx[i]! })
    }
  }
  return found
}

/** Share of `known` that is found again: centre within 2 px, area within 8 %. */
function shareFound(known: readonly Found[], found: readonly Found[]): number {
  const again = known.filter((one) =>
    found.some(
      (other) => Math.hypot(other.x - one.x, other.y - one.y) < 2 && Math.abs(other.areaPx / one.areaPx - 1) < 0.08,
    ),
  )
  return again.length / known.length
}

function measureReference(kind: 'dark' | 'light') {
  const measurer = createColumnMeasurer(width, 255)
  measurer.add(renderReference(kind, uneven, seed, 0, 600))
  return { source: kind, width, bitDepth: 8 as const, ...measurer.measures() }
}

test('under uneven light, fixed pattern and dirt a calibrated camera finds the pellets of an evenly lit one, an uncalibrated does not', () => {
  const profile = buildCalibration(
    { dark: [measureReference('dark')], light: [measureReference('light')] },
    {
      name: 'uneven',
      createdAt: '2026-01-01T00:00:00Z',
      umPerPxAcross: 80,
      umPerPxAlong: 80,
      blurPx: 0.7,
      blurFrom: 'stated',
      exposureBlurPx: 0,
    },
  )
  const known = find(even)
  assert.ok(known.length > 80, `${known.length} pellets`)
  const calibrated = find(uneven, profile)
  const share = shareFound(known, calibrated)
  const uncalibrated = shareFound(known, find(uneven))
  assert.ok(share >= 0.98, `calibrated: ${share} of ${known.length}`)
  assert.ok(Math.abs(calibrated.length / known.length - 1) <= 0.02, `${calibrated.length} against ${known.length}`)
  assert.ok(uncalibrated < 0.8, `uncalibrated: ${uncalibrated}`)
})
