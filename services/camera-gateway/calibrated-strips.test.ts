import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { calibrationOf } from '../../test/support/calibration.ts'
import { openStream, startGateway, stopGateways } from '../../test/support/camera-stream.ts'
import { drawBelt } from '../../test/support/draw-belt.ts'
import { openingOf, stripsOf } from '../../test/support/line-source.ts'
import { PixelFormat } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { FollowState } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { writeCalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import { rowStep } from './follow-dirt.ts'
import { calibrationKey, loadCalibrations, parseCalibration } from './load-calibrations.ts'

after(stopGateways)

const belt = drawBelt({ width: 64, rows: 40, pellets: 6, seed: 2 })
const strips = stripsOf(belt, [20, 20])
const dark = Array.from({ length: 64 }, (_, column) => column % 5)
const profile = calibrationOf(64, { name: 'line-1-2026', dark })

test('strips of a calibrated camera are corrected column by column and say by which calibration', async () => {
  const calibrations = new Map([[calibrationKey('line-1', 'camera-1'), { file: 'a.json', profile }]])
  const { client, segmentation } = startGateway({ calibrations })
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!)
  await stream.acknowledged(1)
  const { header, pixels } = segmentation.seen[0]!.request
  const expected = Array.from(strips[0]!.pixels!, (gray, i) => Math.max(0, gray - dark[i % 64]!))
  assert.deepEqual(Array.from(pixels), expected)
  assert.equal(header!.calibration, 'line-1-2026')
  const intake = await client.getIntake({ line: 'line-1' })
  assert.equal(intake.calibration, 'line-1-2026')
  assert.equal(intake.smallestSpeckPx, header!.smallestSpeckPx)
})

test('strips of a camera without a calibration pass as they are, with the smallest speck of plain optics', async () => {
  const calibrations = new Map([[calibrationKey('line-1', 'camera-9'), { file: 'a.json', profile }]])
  const { client, segmentation } = startGateway({ calibrations })
  const stream = openStream(client, openingOf(belt))
  await stream.opened()
  stream.send(strips[0]!)
  await stream.acknowledged(1)
  const { header, pixels } = segmentation.seen[0]!.request
  assert.deepEqual(Array.from(pixels), Array.from(strips[0]!.pixels!))
  assert.equal(header!.calibration, '')
  assert.ok(header!.smallestSpeckPx > 2.5 && header!.smallestSpeckPx < 3.5, `${header!.smallestSpeckPx}`)
  const intake = await client.getIntake({ line: 'line-1' })
  assert.deepEqual([intake.calibration, intake.smallestSpeckPx], ['', header!.smallestSpeckPx])
})

test('a stream of another width or depth than its calibration is refused with both and the file', async () => {
  const calibrations = new Map([[calibrationKey('line-1', 'camera-1'), { file: 'cal/a.json', profile }]])
  const { client } = startGateway({ calibrations })
  const stream = openStream(client, openingOf(belt, { width: 128, pixelFormat: PixelFormat.MONO10 }))
  const error = await stream.refused('invalid_argument')
  assert.match(error.message, /128 pixels a row .* line-1-2026 \(cal\/a\.json\) .* is for 64/)
  assert.deepEqual(
    error.violations.map(({ field }) => field),
    ['open.width', 'open.pixel_format'],
  )
})

test('calibrations are read at start: a missing, broken or doubled one is refused by file and key', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-calibration-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'a.calibration.json')
  await writeCalibrationProfile(file, profile)
  const entry = { line: 'line-1', camera: 'camera-1', file }
  const loaded = await loadCalibrations([entry])
  assert.deepEqual(loaded.get('line-1/camera-1')!.profile, profile)
  await assert.rejects(loadCalibrations([entry, entry]), { code: 'invalid_argument', message: /has two calibrations/ })
  const missing = { ...entry, file: join(folder, 'none.json') }
  await assert.rejects(loadCalibrations([missing]), { code: 'not_found', message: /pelletline calibrate/ })
  const broken = join(folder, 'broken.json')
  await writeFile(broken, JSON.stringify({ ...profile, width: 32, gain: [...profile.gain.slice(1), 9] }))
  await assert.rejects(loadCalibrations([{ ...entry, file: broken }]), {
    code: 'invalid_argument',
    message: /dark: .*32 columns; there are 64[\s\S]*/,
  })
  assert.deepEqual(parseCalibration(`line-1/camera-1=${file}`), entry)
  assert.throws(() => parseCalibration('line-1=a.json'), { code: 'invalid_argument', message: /LINE\/CAMERA=FILE/ })
  await writeFile(broken, '{')
  await assert.rejects(loadCalibrations([{ ...entry, file: broken }]), { message: /is no JSON/ })
})

test('states and dirty columns are stamped into headers and answered by GetIntake', async () => {
  const { client, segmentation } = startGateway({ options: { areaMinSamples: 4 } })
  segmentation.setAreas([300, 320, 310])
  const long = drawBelt({ width: 128, rows: 1000 * rowStep, pellets: 9000, seed: 4 })
  for (let start = 0; start < long.pixels.length; start += 128) long.pixels.fill(5, start + 60, start + 63)
  const stream = openStream(client, openingOf(long))
  await stream.opened()
  const cuts = Array<number>(10).fill(100 * rowStep)
  for (const strip of stripsOf(long, cuts)) {
    stream.send(strip)
    await stream.acknowledged(Number(strip.strip) + 1)
  }
  const headers = segmentation.seen.map(({ request }) => request.header!)
  assert.deepEqual(
    headers.slice(0, 3).map(({ lightState, sizeState }) => [lightState, sizeState]),
    [
      [FollowState.FOLLOWING, FollowState.NOMINAL],
      [FollowState.FOLLOWING, FollowState.NOMINAL],
      [FollowState.FOLLOWING, FollowState.FOLLOWING],
    ],
  )
  assert.deepEqual(headers[0]!.dirtyColumns, [])
  const spans = headers.at(-1)!.dirtyColumns.map(({ from, to }) => [from, to])
  assert.deepEqual(spans, [[60, 63]])
  const intake = await client.getIntake({ line: 'line-1' })
  assert.deepEqual([intake.lightState, intake.sizeState], [FollowState.FOLLOWING, FollowState.FOLLOWING])
  assert.deepEqual(intake.dirtyColumns, headers.at(-1)!.dirtyColumns)
})
