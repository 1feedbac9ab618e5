import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createRecording, openRecording } from '../../shared/recording/index.ts'
import { type ReplayCounts, type StripsToSendOptions, stripsToSend } from './strips-to-send.ts'

const width = 6
const rows = 4
const headerBytes = 64
const chunkBytes = headerBytes + width * rows

describe('stripsToSend', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-replay-'))
  })
  after(() => rm(folder, { recursive: true }))

  /** Five strips, 10 rows lost before strip 3, with a byte turned in each of the named places (strip, byte of its chunk). */
  async function record(...damage: readonly (readonly [strip: number, byte: number])[]): Promise<string> {
    const path = join(folder, 'line.plr')
    const writer = await createRecording(
      path,
      {
        width,
        pixelFormat: 'mono8',
        polarity: 'light-on-dark',
        umPerPxAcross: 50,
        umPerPxAlong: 50,
        rowsPerSecond: 1000,
        line: 'line-1',
        camera: 'camera-1',
        run: 'run-1',
        simulated: true,
      },
      { coding: 'raw' },
    )
    for (let strip = 0; strip < 5; strip++) {
      await writer.write({
        strip,
        firstRow: 100 + strip * rows + (strip >= 3 ? 10 : 0),
        rows,
        rowsLostBefore: strip === 3 ? 10 : 0,
        exposedUnixNs: BigInt(strip),
        encoder: BigInt(strip),
        lotBegins: false,
        runEnds: strip === 4,
        pixels: new Uint8Array(width * rows).fill(strip),
      })
    }
    await writer.close()
    const bytes = await readFile(path)
    const start = 16 + bytes.readUInt32LE(8)
    for (const [strip, byte] of damage) bytes[start + strip * chunkBytes + byte]! ^= 0xff
    await writeFile(path, bytes)
    return path
  }

  async function replay(path: string, options: Partial<StripsToSendOptions> = {}) {
    const reader = await openRecording(path)
    const counts: ReplayCounts = { strips: 0, rows: 0, damagedStrips: 0, damagedRows: 0 }
    const errors: string[] = []
    const sent: {
      strip: number
      firstRow: number
      lost: number
      rows: number
      from: number | undefined
      ends: boolean
    }[] = []
    try {
      const strips = stripsToSend(reader, {
        speed: 0,
        counts,
        onSkipped: ({ message }) => errors.push(message),
        signal: new AbortController().signal,
        ...options,
      })
      for await (const { strip, firstRow, rowsLostBefore, rows: count, pixels, runEnds } of strips) {
        sent.push({
          strip: Number(strip),
          firstRow: Number(firstRow),
          lost: Number(rowsLostBefore),
          rows: count ?? 0,
          from: pixels?.[0],
          ends: runEnds ?? false,
        })
      }
    } finally {
      await reader.close()
    }
    // What every gateway checks: numbers without gaps, rows that follow, one end.
    let nextRow = 0
    for (const [at, { strip, firstRow, lost, rows: count, ends }] of sent.entries()) {
      assert.deepEqual([strip, firstRow, ends], [at, nextRow + lost, at === sent.length - 1])
      nextRow = firstRow + count
    }
    return { counts, errors, lost: sent.map(({ lost }) => lost), from: sent.map(({ from }) => from) }
  }

  it('sends a sound recording as it is, with or without leave to skip', async () => {
    const path = await record()
    for (const skipDamaged of [true, false]) {
      const { counts, lost, from } = await replay(path, { skipDamaged })
      assert.deepEqual(
        [from, lost],
        [
          [0, 1, 2, 3, 4],
          [0, 0, 0, 10, 0],
        ],
      )
      assert.deepEqual(counts, { strips: 5, rows: 20, damagedStrips: 0, damagedRows: 0 })
    }
  })

  it('stops at a damaged strip and names the option that leaves it out', async () => {
    const path = await record([2, headerBytes + 3])
    await assert.rejects(replay(path), { code: 'data_loss', message: /Strip 2 .*give --skip-damaged/ })
  })

  it('sends the rows of damaged strips as lost before the next one, beside those that the camera lost', async () => {
    const { counts, errors, lost, from } = await replay(await record([1, headerBytes], [2, 9]), { skipDamaged: true })
    assert.deepEqual(
      [from, lost],
      [
        [0, 3, 4],
        [0, 18, 0],
      ],
    )
    assert.deepEqual(counts, { strips: 3, rows: 12, damagedStrips: 2, damagedRows: 8 })
    assert.match(errors[0]!, /Strip 1 .*CRC/)
    assert.match(errors[1]!, /Strip 2 .*header/)
  })

  it('sends the rows of damaged strips at the beginning as lost, and begins at the wanted row', async () => {
    const whole = await replay(await record([0, headerBytes]), { skipDamaged: true })
    assert.deepEqual(
      [whole.from, whole.lost],
      [
        [1, 2, 3, 4],
        [4, 0, 10, 0],
      ],
    )
    const part = await replay(await record([0, headerBytes]), { skipDamaged: true, fromRow: 109 })
    assert.deepEqual([part.from, part.lost, part.counts.damagedStrips], [[2, 3, 4], [0, 10, 0], 0])
  })

  it('ends a run whose last strip is damaged with one without rows, whose rows it can still tell by a sound header', async () => {
    const told = await replay(await record([4, headerBytes]), { skipDamaged: true })
    assert.deepEqual(
      [told.from, told.lost],
      [
        [0, 1, 2, 3, undefined],
        [0, 0, 0, 10, 4],
      ],
    )
    assert.deepEqual(told.counts, { strips: 4, rows: 16, damagedStrips: 1, damagedRows: 4 })
    const untold = await replay(await record([4, 9]), { skipDamaged: true })
    assert.deepEqual(untold.lost, [0, 0, 0, 10, 0])
  })

  it('refuses a recording without a sound strip', async () => {
    const path = await record(...[0, 1, 2, 3, 4].map((strip) => [strip, headerBytes] as const))
    await assert.rejects(replay(path, { skipDamaged: true }), { code: 'data_loss', message: /no sound strip/ })
  })
})
