import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { openRecording } from '../shared/recording/index.ts'
import type { LineSettingsInput } from './settings.ts'
import { simulateRecording } from './simulate-recording.ts'
import type { PelletTruth } from './truth/pellet-truth.ts'

const settings: LineSettingsInput = { width: 256, stripRows: 128, pelletsPerMpx: 150, specks: { prevalence: 0.3 } }

describe('simulated recording', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simulated-'))
  })
  after(() => rm(folder, { recursive: true }))

  it('is the same bytes for the same seed, with one line of truth a pellet', async () => {
    const first = await simulateRecording({ out: join(folder, 'a.plr'), seconds: 0.5, seed: 3, settings })
    const second = await simulateRecording({ out: join(folder, 'b.plr'), seconds: 0.5, seed: 3, settings })
    assert.deepEqual(await readFile(first.recording), await readFile(second.recording))
    const lines = (await readFile(first.truth, 'utf8')).trim().split('\n')
    assert.equal(lines.join('\n'), (await readFile(second.truth, 'utf8')).trim())
    const pellets = lines.map((line) => JSON.parse(line) as PelletTruth)
    assert.equal(pellets.length, first.pelletsByTruth)
    assert.equal(pellets.filter((pellet) => pellet.class === 'NG').length, first.ngByTruth)
    const reader = await openRecording(first.recording)
    assert.equal(reader.closed, true)
    assert.equal(reader.header.width, 256)
    assert.equal((reader.header.extra as { seed: number }).seed, 3)
    const last = await reader.read(reader.stripCount - 1)
    assert.equal(last.runEnds, true)
    assert.equal(last.firstRow + last.rows, 2200)
    await reader.close()
  })

  it('names the file of the truth where it cannot be written, and leaves the recording readable', async () => {
    const out = join(folder, 'd.plr')
    await mkdir(`${out}.truth.jsonl`)
    await assert.rejects(simulateRecording({ out, seconds: 0.1, seed: 3, settings }), {
      code: 'failed_precondition',
      message: /d\.plr\.truth\.jsonl cannot be written: EISDIR/,
    })
    const reader = await openRecording(out)
    assert.equal(reader.closed, true)
    await reader.close()
  })

  it('names the file for which the disk is full, of the recording and of its truth', {
    skip: !existsSync('/dev/full'),
  }, async () => {
    for (const [name, full] of [
      ['e.plr', 'e.plr'],
      ['f.plr', 'f.plr.truth.jsonl'],
    ] as const) {
      await symlink('/dev/full', join(folder, full))
      await assert.rejects(simulateRecording({ out: join(folder, name), seconds: 0.1, seed: 3, settings }), (error) => {
        assert.ok(error instanceof PelletlineError)
        assert.equal(error.code, 'resource_exhausted')
        assert.ok(error.message.startsWith(`${join(folder, full)} cannot be written, the disk is full (ENOSPC)`))
        return true
      })
    }
  })

  it('aborted throws `cancelled` and stays readable', async () => {
    const controller = new AbortController()
    const out = join(folder, 'c.plr')
    const onProgress = (done: number) => {
      if (done > 0.2) controller.abort()
    }
    await assert.rejects(
      simulateRecording({ out, seconds: 60, seed: 3, settings, onProgress, signal: controller.signal }),
      (error) => error instanceof PelletlineError && error.code === 'cancelled',
    )
    const reader = await openRecording(out)
    assert.ok(reader.stripCount >= 7)
    await reader.close()
  })
})
