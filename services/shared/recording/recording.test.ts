import assert from 'node:assert/strict'
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { Clock } from '../service/clock.ts'
import {
  appendRecording,
  createRecording,
  openRecording,
  type RecordedStrip,
  type RecordingHeader,
  replayRecording,
} from './index.ts'

const header: RecordingHeader = {
  width: 5,
  pixelFormat: 'mono8',
  polarity: 'light-on-dark',
  umPerPxAcross: 80,
  umPerPxAlong: 75,
  rowsPerSecond: 1000,
  line: 'line-1',
  camera: 'camera-1',
  run: 'run-1',
  simulated: true,
  extra: { seed: 7 },
}

/** Strip 2 comes after 4 lost rows. */
function stripOf(number: number): RecordedStrip {
  const firstRow = number * 3 + (number >= 2 ? 4 : 0)
  return {
    strip: number,
    firstRow,
    rows: 3,
    rowsLostBefore: number === 2 ? 4 : 0,
    exposedUnixNs: 1_700_000_000_000_000_000n + BigInt(firstRow) * 1_000_000n,
    encoder: BigInt(firstRow) * 75n - 5n,
    lotBegins: number === 0,
    runEnds: number === 4,
    pixels: Uint8Array.from({ length: 15 }, (_, i) => (number * 40 + i * 3) & 255),
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}

describe('recording', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'recording-'))
  })
  after(() => rm(folder, { recursive: true }))

  const record = async (name: string, count: number, coding: 'raw' | 'zstd' = 'raw'): Promise<string> => {
    const path = join(folder, name)
    const writer = await createRecording(path, header, { coding })
    for (let i = 0; i < count; i++) await writer.write(stripOf(i))
    await writer.close()
    return path
  }
  const replayAll = async (path: string): Promise<RecordedStrip[]> => {
    const reader = await openRecording(path)
    try {
      return await collect(replayRecording(reader))
    } finally {
      await reader.close()
    }
  }

  for (const coding of ['raw', 'zstd'] as const)
    it(`gives back header, every field and every pixel, stored as ${coding}`, async () => {
      const path = await record(`whole-${coding}.plr`, 5, coding)
      const reader = await openRecording(path)
      const { format, ...rest } = reader.header as RecordingHeader & { format: string }
      assert.equal(format, 'pelletline-recording')
      assert.deepEqual(rest, header)
      assert.equal(reader.closed, true)
      assert.deepEqual(await collect(replayRecording(reader)), [0, 1, 2, 3, 4].map(stripOf))
      await reader.close()
    })

  it('cut off at any byte gives every whole strip, or a PelletlineError within the header', async () => {
    const bytes = await readFile(await record('long.plr', 4))
    const headerBytes = 16 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
    const path = join(folder, 'cut.plr')
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(path, bytes.subarray(0, length))
      if (length < headerBytes) await assert.rejects(openRecording(path), PelletlineError)
      else {
        const strips = await replayAll(path)
        const whole = Math.min(4, Math.floor((length - headerBytes) / (64 + 15)))
        assert.deepEqual(strips, [0, 1, 2, 3].slice(0, whole).map(stripOf), `cut at byte ${length}`)
      }
    }
  })

  it('appended after a cut drops the half strip and goes on behind the last whole one', async () => {
    const bytes = await readFile(await record('crash.plr', 3))
    const path = join(folder, 'appended.plr')
    for (const cut of [1, 60, 100, 130]) {
      await writeFile(path, bytes.subarray(0, bytes.length - cut))
      const writer = await appendRecording(path)
      const from = writer.stripCount
      for (let i = from; i < 5; i++) await writer.write(stripOf(i))
      await writer.close()
      assert.deepEqual(await replayAll(path), [0, 1, 2, 3, 4].map(stripOf), `cut ${cut} bytes, ${from} strips left`)
    }
  })

  it('appended after a clean close takes the index off and writes a new one', async () => {
    const path = await record('twice.plr', 2)
    const writer = await appendRecording(path)
    await writer.write(stripOf(2))
    await writer.close()
    const reader = await openRecording(path)
    assert.equal(reader.closed, true)
    assert.equal(reader.stripCount, 3)
    await reader.close()
  })

  it('is read while it is being written', async () => {
    const path = join(folder, 'growing.plr')
    const writer = await createRecording(path, header)
    for (let i = 0; i < 3; i++) {
      await writer.write(stripOf(i))
      const reader = await openRecording(path)
      assert.equal(reader.closed, false)
      assert.equal(reader.stripCount, i + 1)
      await reader.close()
    }
    await writer.close()
  })

  it('with damaged pixels names the strip and still gives the others', async () => {
    const path = await record('pixels.plr', 4)
    const bytes = await readFile(path)
    const headerBytes = 16 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
    const at = headerBytes + 2 * (64 + 15) + 64 + 3
    bytes[at] = bytes[at]! ^ 1
    await writeFile(path, bytes)
    await assert.rejects(
      replayAll(path),
      (error) => error instanceof PelletlineError && error.code === 'data_loss' && /Strip 2 /.test(error.message),
    )
    const reader = await openRecording(path)
    const errors: PelletlineError[] = []
    const strips = await collect(replayRecording(reader, { onDamaged: (error) => errors.push(error) }))
    assert.deepEqual(
      strips.map((strip) => strip.strip),
      [0, 1, 3],
    )
    assert.equal(errors.length, 1)
    await reader.close()
  })

  it('with a damaged chunk header and no index goes on at the next sound one and says where', async () => {
    const path = await record('header.plr', 4)
    const bytes = await readFile(path)
    const headerBytes = 16 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true)
    bytes[headerBytes + 79 + 9] = 0xff
    await writeFile(path, bytes.subarray(0, headerBytes + 4 * 79))
    const reader = await openRecording(path)
    assert.equal(reader.stripCount, 3)
    assert.deepEqual(reader.damaged, [{ chunk: 1, offset: headerBytes + 79, bytes: 79 }])
    await reader.close()
  })

  it('with any single bit turned throws nothing but PelletlineError and never gives a wrong pixel', async () => {
    const bytes = await readFile(await record('bits.plr', 2))
    const path = join(folder, 'bit.plr')
    for (let at = 0; at < bytes.length; at++) {
      const turned = Uint8Array.from(bytes)
      turned[at] = turned[at]! ^ (1 << (at % 8))
      await writeFile(path, turned)
      try {
        for (const strip of await replayAll(path)) assert.deepEqual(strip, stripOf(strip.strip))
      } catch (error) {
        assert.ok(error instanceof PelletlineError, `byte ${at}: ${String(error)}`)
      }
    }
  })

  it('is found by row and by time', async () => {
    const reader = await openRecording(await record('seek.plr', 5))
    assert.equal(reader.indexOfRow(0), 0)
    assert.equal(reader.indexOfRow(5), 1)
    assert.equal(reader.indexOfRow(8), 1)
    assert.equal(reader.indexOfRow(10), 2)
    assert.equal(reader.indexOfRow(9999), 4)
    assert.equal(reader.indexOfTime(stripOf(3).exposedUnixNs), 3)
    assert.equal(reader.indexOfTime(stripOf(3).exposedUnixNs - 1n), 2)
    assert.equal(reader.indexOfTime(0n), 0)
    const strips = await collect(replayRecording(reader, { fromRow: 11 }))
    assert.deepEqual(
      strips.map((strip) => strip.strip),
      [2, 3, 4],
    )
    await reader.close()
  })

  it('replayed at a speed waits for each strip to be exposed', async () => {
    const reader = await openRecording(await record('pace.plr', 5))
    let nowMs = 0
    const sleptMs: number[] = []
    const clock: Clock = {
      now: () => nowMs,
      nowNs: () => BigInt(Math.round(nowMs * 1e6)),
      sleep: async (ms) => {
        sleptMs.push(ms)
        nowMs += ms
      },
    }
    for await (const strip of replayRecording(reader, { speed: 0.5, clock })) if (strip.strip === 1) nowMs += 15
    // Rows of 1 ms at half speed; strip 2 comes 4 lost rows later and finds its taker 1 ms late, strip 3 makes up for it.
    assert.deepEqual(sleptMs, [6, 6, 5, 6])
    await reader.close()
  })

  it('replay and reading stop with `cancelled` when aborted', async () => {
    const reader = await openRecording(await record('abort.plr', 5))
    const signal = AbortSignal.abort()
    for (const work of [() => collect(replayRecording(reader, { signal })), () => reader.read(0, signal)])
      await assert.rejects(work, (error) => error instanceof PelletlineError && error.code === 'cancelled')
    await reader.close()
  })

  it('refuses what is no recording, a missing file, wrong pixels and strips out of order', async () => {
    const text = join(folder, 'text.plr')
    await writeFile(text, 'this is a text and not a recording')
    const code = (wanted: string) => (error: unknown) => error instanceof PelletlineError && error.code === wanted
    await assert.rejects(openRecording(text), code('invalid_argument'))
    await assert.rejects(openRecording(join(folder, 'none.plr')), code('not_found'))
    const writer = await createRecording(join(folder, 'strict.plr'), header)
    await assert.rejects(writer.write({ ...stripOf(0), rows: 4 }), code('invalid_argument'))
    await writer.write(stripOf(1))
    await assert.rejects(writer.write(stripOf(0)), code('failed_precondition'))
    await writer.close()
    await assert.rejects(writer.write(stripOf(2)), code('failed_precondition'))
    const other = await open(join(folder, 'strict.plr'), 'r+')
    await other.write(Uint8Array.of(9), 0, 1, 7)
    await other.close()
    await assert.rejects(openRecording(join(folder, 'strict.plr')), /version 9/)
  })
})
