import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { createRecording } from '../../services/shared/recording/index.ts'
import { startGateway, stopGateways } from '../support/camera-stream.ts'
import { runPelletline } from '../support/run-pelletline.ts'
import { withServer } from '../support/with-server.ts'

const folder = await mkdtemp(join(tmpdir(), 'pelletline-replay-'))
after(async () => {
  await stopGateways()
  await rm(folder, { recursive: true, force: true })
})

/** Four strips of 16 rows. */
async function record(name: string, close: boolean): Promise<{ path: string; chunkAt: (strip: number) => number }> {
  const path = join(folder, name)
  const writer = await createRecording(
    path,
    {
      width: 32,
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
  for (let strip = 0; strip < 4; strip++) {
    const pixels = new Uint8Array(32 * 16).fill(strip)
    const at = { exposedUnixNs: BigInt(strip), encoder: 0n, lotBegins: false, runEnds: strip === 3 }
    await writer.write({ strip, firstRow: strip * 16, rows: 16, rowsLostBefore: 0, pixels, ...at })
  }
  await writer.close()
  const bytes = await readFile(path)
  const start = 16 + bytes.readUInt32LE(8)
  const chunkAt = (strip: number) => start + strip * (64 + 32 * 16)
  if (!close) await writeFile(path, bytes.subarray(0, chunkAt(4)))
  return { path, chunkAt }
}

async function turnByte(path: string, at: number): Promise<void> {
  const bytes = await readFile(path)
  bytes[at]! ^= 0xff
  await writeFile(path, bytes)
}

describe('pelletline replay of a damaged recording', () => {
  for (const [what, close, byte] of [
    ['pixels', true, 64 + 5],
    ['a header and no index', false, 9],
  ] as const) {
    it(`with damaged ${what} stops, or with --skip-damaged sends the rows as lost and says how many`, async () => {
      const { path, chunkAt } = await record(`${byte}.plr`, close)
      await turnByte(path, chunkAt(1) + byte)
      const { gateway, segmentation } = startGateway()
      await withServer(gateway.implementations, async ({ server }) => {
        const replay = ['replay', path, '--speed', '0', '--address', server.address] as const
        const stopped = await runPelletline(...replay)
        assert.equal(stopped.code, 1, stopped.stderr)
        assert.match(stopped.stderr, /give --skip-damaged/)

        const skipped = await runPelletline(...replay, '--skip-damaged', '--run', 'second', '--json')
        assert.equal(skipped.code, 0, skipped.stderr)
        assert.match(skipped.stderr, /Left out 1 damaged strip; 16 rows were sent as lost rows instead\./)
        const [{ strips, rows, damagedStrips, damagedRows }] = skipped.json() as [Record<string, number>]
        assert.deepEqual(
          { strips, rows, damagedStrips, damagedRows },
          { strips: 3, rows: 48, damagedStrips: 1, damagedRows: 16 },
        )
      })
      const headers = segmentation.seen.flatMap(({ run, request }) => (run === 'second' ? [request.header!] : []))
      assert.deepEqual(
        headers.map(({ key, rowsLostBefore, runEnds }) => [key!.strip, rowsLostBefore, runEnds]),
        [
          [0n, 0n, false],
          [1n, 16n, false],
          [2n, 0n, true],
        ],
      )
    })
  }
})
