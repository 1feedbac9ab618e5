import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Terminal } from '../terminal.ts'
import type { DistillOptions } from './options.ts'
import { runDistill } from './run-distill.ts'

/** A terminal that keeps what is printed as JSON. */
function createTestTerminal() {
  const printed: object[] = []
  const terminal: Terminal = {
    json: true,
    width: undefined,
    print: () => {},
    printTable: () => {},
    printJson: (value) => void printed.push(value as object),
    note: () => {},
    progress: () => ({ update: () => {}, resume: () => {}, clear: () => {}, end: () => {} }),
  }
  return { printed, terminal }
}

const models = new URL('../../../models/', import.meta.url).pathname
const { signal } = new AbortController()

describe('distill --teachers', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-run-distill-'))
  })
  after(() => rm(folder, { recursive: true }))

  const plan = async (options: Partial<DistillOptions>) => {
    const { printed, terminal } = createTestTerminal()
    const simulated = { data: 'simulated', count: 1000, ngShare: 0.5, subSizeShare: 0, variety: 'line' } as const
    await runDistill({ ...simulated, out: join(folder, 'out'), plan: true, ...options }, terminal, signal)
    const { jobs } = printed[0] as { jobs: { id: string; work: number }[] }
    return jobs
  }

  it('plans the released teachers in the place of those that would be trained, beside what a file says', async () => {
    const config = join(folder, 'settings.yaml')
    await writeFile(config, 'students: [distilled]\nvariants: []\nteachers: { exportAs: [float32] }\n')
    const jobs = await plan({ config, teachers: `${models}vgg16-2.onnx,${models}resnet18-1.onnx` })
    assert.deepEqual(
      jobs.map(({ id }) => id),
      ['vgg16-2', 'resnet18-1', 'teaching-vgg16-2-resnet18-1', 'distilled-1'],
    )
    assert.deepEqual(
      jobs.map(({ work }) => work > 0),
      [false, false, true, true],
    )
  })

  it('refuses a teacher that is not there by its path', async () => {
    await assert.rejects(plan({ teachers: `${models}vgg16-2.onnx,${folder}/none.onnx` }), {
      code: 'not_found',
      message: /none\.onnx/,
    })
  })
})
