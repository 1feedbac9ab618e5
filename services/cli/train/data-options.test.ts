import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Command } from 'commander'
import { createCropDataset } from '../../shared/dataset/create-crop-dataset.ts'
import { writePackedCrops } from '../../shared/dataset/packed-crops.ts'
import { grayPng } from '../../shared/dataset/test-support/gray-png.ts'
import type { Terminal } from '../terminal.ts'
import { addDataOptions, type DataOptions, toReadOptions } from './data-options.ts'
import { readSplits } from './read-splits.ts'

function parse(...args: string[]): DataOptions {
  const command = addDataOptions(new Command())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  return command.parse(args, { from: 'user' }).opts()
}

describe('data options', () => {
  it('are taken from the command line as the reader takes them', () => {
    assert.deepEqual(toReadOptions(parse()), { otherSizes: 'pad' })
    assert.deepEqual(toReadOptions(parse('--group-pattern', '^(P\\d+)-', '--strict', '--other-sizes', 'refuse')), {
      group: /^(P\d+)-/,
      strict: true,
      otherSizes: 'refuse',
    })
    assert.deepEqual(toReadOptions(parse('--group-column', 'patient')).groupColumn, 'patient')
  })

  it('are refused where the pattern is none, or pattern and column are both given', () => {
    assert.throws(() => parse('--group-pattern', '('), /A regular expression is needed/)
    assert.throws(() => parse('--group-pattern', 'x', '--group-column', 'y'), /cannot be used with option/)
    assert.throws(() => parse('--other-sizes', 'stretch'), /Allowed choices are pad, refuse/)
  })
})

describe('reading of the data', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-data-options-'))
  })
  after(() => rm(folder, { recursive: true }))
  const { signal } = new AbortController()

  it('says what was left out, padded and without a group', async () => {
    const data = join(folder, 'images')
    for (const part of ['train', 'val', 'test']) {
      for (const name of ['OK', 'NG']) {
        await mkdir(join(data, part, name), { recursive: true })
        await writeFile(join(data, part, name, `${part}-1.png`), await grayPng(50, name === 'OK' ? 50 : 40, 7))
      }
    }
    await writeFile(join(data, 'val/OK/broken.png'), 'x')
    await writeFile(join(data, 'lots.csv'), 'file,lot\ntrain-1.png,a\nval-1.png,b\nbroken.png,b\n')
    const notes: string[] = []
    const terminal = {
      note: (line: string) => void notes.push(line),
      progress: () => ({ update: () => {}, resume: () => {}, clear: () => {}, end: () => {} }),
    } as unknown as Terminal
    await readSplits(data, () => 0.5, terminal, signal, { groupColumn: 'lot' })
    assert.match(notes[0]!, /^Left out: .*broken\.png cannot be decoded/)
    assert.deepEqual(notes.slice(1), [
      'Left out 1 image in all; --strict refuses such.',
      'Centred 3 smaller images on black; --other-sizes refuse leaves such out.',
      'Groups: 2, by column "lot" of lots.csv.',
      `No group: ${join(data, 'test/OK/test-1.png')}`,
      `No group: ${join(data, 'test/NG/test-1.png')}`,
      'Without a group, each counting as one of its own: 2 images; --strict refuses such.',
    ])
    await assert.rejects(
      readSplits(data, () => 0.5, terminal, signal, { groupColumn: 'lot', strict: true }),
      {
        message: /2 of 7 images have no group by column "lot" of lots\.csv/,
      },
    )
  })

  it('refuses to name groups of packed crops, which carry theirs', async () => {
    const path = join(folder, 'all.crops')
    const labels = Uint8Array.from({ length: 40 }, (_, i) => i & 1)
    await writePackedCrops(path, createCropDataset({ source: 'x', pixels: new Uint8Array(40 * 2500), labels }))
    await assert.rejects(
      readSplits(path, () => 0.5, {} as Terminal, signal, { groupPattern: /x/ }),
      { code: 'invalid_argument', message: /holds packed crops, which carry their groups/ },
    )
  })
})
