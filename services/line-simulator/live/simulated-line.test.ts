import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Clock } from '../../shared/service/clock.ts'
import { parseFault } from '../faults.ts'
import { createLineRenderer } from '../render/render-rows.ts'
import { type LineSettingsInput, resolveLineSettings } from '../settings.ts'
import { createLostRows, cutStrips } from './cut-strips.ts'
import { createSimulatedLine, type SimulatedLineOptions, type SimulatedStrip } from './simulated-line.ts'

const settings: LineSettingsInput = {
  width: 256,
  stripRows: 100,
  pelletsPerMpx: 150,
  specks: { prevalence: 0.2 },
  spritePool: 64,
}

async function runLine(options: Partial<SimulatedLineOptions>): Promise<SimulatedStrip[]> {
  const strips: SimulatedStrip[] = []
  for await (const strip of createSimulatedLine({ settings, seed: 4, speed: 0, ...options })) strips.push(strip)
  return strips
}

function manualClock(): Clock & { advance(ms: number): void } {
  let nowMs = 1_000_000
  return {
    now: () => nowMs,
    nowNs: () => BigInt(Math.round(nowMs * 1e6)),
    sleep: async (ms) => {
      nowMs += ms
    },
    advance: (ms) => {
      nowMs += ms
    },
  }
}

describe('strip cutting', () => {
  it('accounts for every row, delivered or lost, and ends strips before lost rows', () => {
    const lossy = resolveLineSettings({ ...settings, optics: { lossesPer100kRows: 100, maxLostRows: 300 } })
    const lostRows = createLostRows(lossy, 1, [])
    let row = 0
    let lost = 0
    for (const place of cutStrips(lossy, lostRows, 50_000)) {
      assert.equal(place.firstRow, row + place.rowsLostBefore)
      assert.ok(place.rows > 0 && place.rows <= 100)
      lost += place.rowsLostBefore
      row = place.firstRow + place.rows
    }
    assert.ok(row > 49_000 && lost > 4000)
  })

  it('a run whose last rows are lost ends all the same, by a strip without rows', async () => {
    const optics = { lossesPer100kRows: 100, maxLostRows: 300 }
    const lossy = resolveLineSettings({ ...settings, optics })
    const { from, to } = createLostRows(lossy, 4, []).next(0, 10_000)!
    const endRow = Math.floor((from + to) / 2)
    for (const ringSeconds of [0, 0.5]) {
      const seconds = endRow / lossy.rowsPerSecond
      const strips = await runLine({ settings: { ...settings, optics }, seconds, ringSeconds })
      const { firstRow, rows, rowsLostBefore, pixels, runEnds } = strips.at(-1)!
      assert.deepEqual(
        { firstRow, rows, rowsLostBefore, bytes: pixels.length, runEnds },
        { firstRow: endRow, rows: 0, rowsLostBefore: endRow - from, bytes: 0, runEnds: true },
      )
      assert.equal(strips.filter((strip) => strip.runEnds).length, 1)
    }
  })

  it('rows-lost begins at its time', () => {
    const plain = resolveLineSettings(settings)
    const lostRows = createLostRows(plain, 1, [parseFault('rows-lost@2s')])
    assert.equal(lostRows.next(0, 8800), undefined)
    assert.ok(lostRows.next(8800, 60_000)!.from >= 8000)
  })
})

describe('simulated line', () => {
  it('gives the renderer’s rows and truth in strips, the last one marked', async () => {
    const strips = await runLine({ seconds: 0.5, truthList: true })
    assert.deepEqual(
      strips.map((strip) => strip.strip),
      Array.from({ length: 22 }, (_, i) => i),
    )
    assert.deepEqual(strips.map((strip) => strip.runEnds).indexOf(true), 21)
    const renderer = createLineRenderer({ settings: resolveLineSettings(settings), seed: 4 })
    const rows = new Uint8Array(2200 * 256)
    renderer.render(0, 2200, rows)
    assert.deepEqual(Buffer.concat(strips.map((strip) => strip.pixels)), Buffer.from(rows))
    const pellets = strips.flatMap((strip) => strip.pellets ?? [])
    assert.deepEqual(
      pellets.map((pellet) => pellet.id),
      renderer.pelletsEndingIn(0, 2200).map((pellet) => pellet.id),
    )
    assert.equal(
      strips.reduce((sum, strip) => sum + strip.truth.ng, 0),
      pellets.filter((pellet) => pellet.class === 'NG').length,
    )
  })

  it('from a ring repeats pixels of pellets and truth each lap, with new ids', async () => {
    const ringRows = 6 * 256
    const quiet = { ...settings, optics: { flicker: 0 } }
    const strips = await runLine({
      settings: quiet,
      ringSeconds: (ringRows - 10) / 4400,
      seconds: (3 * ringRows) / 4400,
      truthList: true,
    })
    const pellets = strips.flatMap((strip) => strip.pellets ?? [])
    const lap = (number: number) =>
      pellets.filter(({ box }) => Math.floor((box.y + box.height - 1) / ringRows) === number)
    assert.ok(lap(0).length > 20)
    assert.deepEqual(
      lap(1).map((pellet) => [pellet.x, Math.round(100 * (pellet.y - ringRows)), pellet.class]),
      lap(0).map((pellet) => [pellet.x, Math.round(100 * pellet.y), pellet.class]),
    )
    assert.equal(new Set(pellets.map((pellet) => pellet.id)).size, pellets.length)
    const pixels = Buffer.concat(strips.map((strip) => strip.pixels))
    const lapBytes = ringRows * 256
    assert.deepEqual(pixels.subarray(lapBytes, 2 * lapBytes), pixels.subarray(2 * lapBytes, 3 * lapBytes))
  })

  it('from a ring shows a fault that changes pellets from its time on', async () => {
    const faults = [parseFault('product-darkens@0.4s'), parseFault('lamp-dims@0.8s')]
    const options = { ringSeconds: 0.2, seconds: 3 }
    const [plain, faulty] = [await runLine(options), await runLine({ ...options, faults })]
    const sum = (strip: SimulatedStrip) => strip.pixels.reduce((total, v) => total + v, 0)
    const ratios = plain.map((strip, i) => sum(faulty[i]!) / sum(strip))
    const mean = (from: number, to: number) => ratios.slice(from, to).reduce((total, v) => total + v, 0) / (to - from)
    assert.equal(mean(0, 17), 1)
    assert.ok(mean(18, 34) < 0.9)
    assert.ok(mean(110, 130) < 0.85 * mean(18, 34))
  })

  it('counts lost rows and pellets cut by them', async () => {
    const strips = await runLine({ seconds: 1.5, truthList: true, faults: [parseFault('rows-lost@0s')] })
    const lost = strips.reduce((sum, strip) => sum + strip.rowsLostBefore, 0)
    assert.ok(lost > 0)
    const last = strips.at(-1)!
    assert.equal(last.firstRow + last.rows, strips.reduce((sum, strip) => sum + strip.rows, 0) + lost)
    assert.ok(strips.some((strip) => strip.pellets?.some((pellet) => pellet.cutByLostRows)))
  })

  it('keeps the pace of the camera, and slowed by its taker shifts what follows', async () => {
    const clock = manualClock()
    const begun = clock.now()
    const line = createSimulatedLine({ settings, seed: 4, seconds: 1, clock, bufferMs: 50 })
    let taken = 0
    for await (const _strip of line) if (++taken === 10) clock.advance(1000)
    // 44 strips of 100 rows take 1 s; the stop of 1 s costs all but the 50 ms that the buffer makes up for.
    const tookMs = clock.now() - begun
    assert.ok(Math.abs(tookMs - (1000 + 1000 - 50 - 1000 / 44 + 1000 / 44)) < 25, `${tookMs} ms`)
    assert.equal(line.counters.rowsLost, 0)
    assert.equal(line.counters.rows, 4400)
  })

  it('that may lose rows drops what its taker left too long, and counts it', async () => {
    const clock = manualClock()
    const line = createSimulatedLine({ settings, seed: 4, seconds: 1, clock, bufferMs: 50, overrun: 'lose' })
    const strips: SimulatedStrip[] = []
    for await (const strip of line) {
      strips.push(strip)
      if (strips.length === 10) clock.advance(500)
    }
    const { counters } = line
    assert.ok(counters.rowsLost >= 1800 && counters.rowsLost <= 2200, `${counters.rowsLost} rows lost`)
    assert.equal(counters.rows + counters.rowsLost, 4400)
    assert.ok(counters.pelletsDropped > 0)
    assert.deepEqual(
      strips.map((strip) => strip.strip),
      strips.map((_, i) => i),
    )
    for (const [i, strip] of strips.entries())
      if (i > 0) assert.equal(strip.firstRow, strips[i - 1]!.firstRow + strips[i - 1]!.rows + strip.rowsLostBefore)
  })

  it('stops with a marked last strip when told, with `cancelled` when aborted', async () => {
    const line = createSimulatedLine({ settings, seed: 4, speed: 0 })
    const strips: SimulatedStrip[] = []
    for await (const strip of line) {
      strips.push(strip)
      if (strips.length === 3) line.stop()
    }
    assert.deepEqual(
      strips.map((strip) => strip.runEnds),
      [false, false, false, true],
    )
    const controller = new AbortController()
    await assert.rejects(
      async () => {
        for await (const _strip of createSimulatedLine({ settings, seed: 4, speed: 0, signal: controller.signal }))
          controller.abort()
      },
      (error) => error instanceof PelletlineError && error.code === 'cancelled',
    )
  })

  it('refuses wrong settings by name, and a ring that would not fit', () => {
    const violations = (input: unknown) => {
      try {
        resolveLineSettings(input as LineSettingsInput)
      } catch (error) {
        assert.ok(error instanceof PelletlineError)
        return error.violations.map((violation) => violation.field)
      }
      return []
    }
    assert.deepEqual(violations({ widht: 5, specks: { prevalence: 'x' } }), ['widht', 'specks.prevalence'])
    assert.deepEqual(violations({ specks: { prevalence: 0.7 }, stripRows: 1.5 }), ['specks.prevalence', 'stripRows'])
    assert.throws(() => resolveLineSettings({ preset: 'fast' as never }), /default, wide/)
    const line = createSimulatedLine({ settings: { preset: 'wide' }, seed: 1, ringSeconds: 60 })
    return assert.rejects(line[Symbol.asyncIterator]().next(), /A ring of 60 s takes \d+ MB/)
  })
})
