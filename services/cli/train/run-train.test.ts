import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { toySplits } from '../../distillation/test-support/toy-crops.ts'
import { writePackedCrops } from '../../shared/dataset/packed-crops.ts'
import { grayPng } from '../../shared/dataset/test-support/gray-png.ts'
import type { Terminal } from '../terminal.ts'
import { readCrops, readSplits } from './read-splits.ts'
import { runTrain } from './run-train.ts'

interface Shown {
  readonly label: string
  readonly total: number
  readonly unit: string
  readonly done: number[]
}

/** A terminal that keeps what its progress bars were given. */
function createTestTerminal() {
  const shown: Shown[] = []
  const terminal: Terminal = {
    json: false,
    width: undefined,
    print: () => {},
    printTable: () => {},
    printJson: () => {},
    note: () => {},
    progress(label, total, unit) {
      const bar: Shown = { label, total, unit, done: [] }
      shown.push(bar)
      return { update: (done) => void bar.done.push(done), resume: () => {}, clear: () => {}, end: () => {} }
    },
  }
  return { shown, terminal }
}

describe('progress of train', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-run-train-'))
  })
  after(() => rm(folder, { recursive: true }))
  const { signal } = new AbortController()

  it('counts the steps of the whole training', async () => {
    const data = join(folder, 'parts')
    await mkdir(data)
    const splits = toySplits(40)
    for (const part of ['train', 'val', 'test'] as const)
      await writePackedCrops(join(data, `${part}.crops`), splits[part])
    const config = join(folder, 'train.yaml')
    await writeFile(config, 'widths: [16, 16, 16, 16]\nbatchSize: 8\nepochs: 2\nthreads: 1\nstepsPerRun: 2\n')
    const { shown, terminal } = createTestTerminal()
    const rest = { count: 0, ngShare: 0, subSizeShare: 0, variety: 'line' } as const
    await runTrain('student', { data, config, out: join(folder, 'out'), ...rest }, terminal, signal)
    assert.deepEqual(shown, [{ label: 'Training', total: 10, unit: 'steps', done: [2, 4, 5, 7, 9, 10] }])
  })

  it('names only options that the command has in what it says of images', async () => {
    const data = join(folder, 'left-out')
    for (const name of ['OK', 'NG']) {
      await mkdir(join(data, name), { recursive: true })
      for (let i = 0; i < 3; i++) await writeFile(join(data, name, `${i}.png`), await grayPng(49, 49, i))
      await writeFile(join(data, name, 'broken.png'), '')
    }
    const notes: string[] = []
    const terminal = { ...createTestTerminal().terminal, note: (text: string) => void notes.push(text) }
    await readCrops(data, terminal, signal)
    assert.deepEqual(notes.slice(-2), ['Left out 2 images in all.', 'Centred 6 smaller images on black.'])
    await readSplits(data, () => 0.5, terminal, signal)
    assert.match(notes.slice(-2).join(' '), /--strict refuses such.* --other-sizes refuse leaves such out/)
  })

  it('counts the images of each part of a folder while they are read', async () => {
    const data = join(folder, 'images')
    for (const [at, part] of ['train', 'val', 'test'].entries()) {
      for (const name of ['OK', 'NG']) {
        await mkdir(join(data, part, name), { recursive: true })
        for (let i = 0; i <= at; i++) await writeFile(join(data, part, name, `${i}.png`), await grayPng(50, 50, i))
      }
    }
    const { shown, terminal } = createTestTerminal()
    await readSplits(data, () => 0.5, terminal, signal)
    assert.deepEqual(
      shown.map(({ total, unit, done }) => [total, unit, done]),
      [
        [2, 'images', [1, 2]],
        [4, 'images', [1, 2, 3, 4]],
        [6, 'images', [1, 2, 3, 4, 5, 6]],
      ],
    )
  })
})
