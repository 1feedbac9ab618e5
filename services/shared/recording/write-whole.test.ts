import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import type { FileHandle } from 'node:fs/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { openRecording, type RecordingHeader } from './index.ts'
import { writeWhole } from './write-whole.ts'

const header: RecordingHeader = {
  width: 1000,
  pixelFormat: 'mono8',
  polarity: 'light-on-dark',
  umPerPxAcross: 80,
  umPerPxAlong: 75,
  rowsPerSecond: 1000,
  line: 'line-1',
  camera: 'camera-1',
  run: 'run-1',
  simulated: true,
}

/** Writes strips of 400,000 bytes until one is refused, tries once more, writes one of 10,000, closes; prints what happened as JSON. */
const program = `
  import { createRecording } from ${JSON.stringify(new URL('./create-recording.ts', import.meta.url).href)}
  const [, path] = process.argv
  const writer = await createRecording(path, ${JSON.stringify(header)})
  const refusals = []
  let written = 0
  let firstRow = 0
  const write = async (rows) => {
    const times = { exposedUnixNs: 0n, encoder: 0n, lotBegins: false, runEnds: false }
    const strip = { strip: written, firstRow, rows, rowsLostBefore: 0, pixels: new Uint8Array(rows * 1000).fill(written), ...times }
    firstRow += rows
    await writer.write(strip).then(() => written++, ({ code, message }) => refusals.push({ code, message }))
  }
  for (let strip = 0; strip < 20 && refusals.length < 2; strip++) await write(400)
  await write(10)
  await writer.close()
  console.log(JSON.stringify({ written, refusals }))
`

describe('writing a recording', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'write-whole-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('goes on where the system took a part of the bytes', async () => {
    const bytes: number[] = []
    const file = {
      writev: async (chunks: readonly Uint8Array[], position: number) => {
        assert.equal(position, 100 + bytes.length)
        const taken = chunks.flatMap((chunk) => [...chunk]).slice(0, 3)
        bytes.push(...taken)
        return { bytesWritten: taken.length, buffers: chunks }
      },
    }
    const chunks = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3, 4, 5, 6, 7), Uint8Array.of(8)]
    await writeWhole(file as unknown as Pick<FileHandle, 'writev'>, chunks, 100)
    assert.deepEqual(bytes, [1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('refuses a strip for which there is no room, by path and next step, and keeps the others whole, one that fits after it too', async () => {
    const path = join(folder, 'limited.plr')
    const run = ['-c', 'ulimit -f 2500 && exec "$0" --input-type=module -e "$1" "$2"', process.execPath, program, path]
    const { stdout, stderr, status } = spawnSync('sh', run, { encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    const { written, refusals } = JSON.parse(stdout)
    assert.ok(written > 2)
    assert.equal(refusals.length, 2)
    for (const { code, message } of refusals) {
      assert.equal(code, 'resource_exhausted')
      assert.match(
        message,
        /limited\.plr cannot be written, .*\(EFBIG\); raise the limit \(ulimit -f\), or record less/,
      )
    }
    const reader = await openRecording(path)
    assert.deepEqual([reader.closed, reader.stripCount, reader.cutOffBytes], [true, written, 0])
    for (let strip = 0; strip < written; strip++) assert.equal((await reader.read(strip)).pixels.at(-1), strip)
    assert.equal((await reader.locate(written - 1)).rows, 10)
    await reader.close()
  })
})
