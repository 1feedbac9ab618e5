import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { toySplits } from '../test-support/toy-crops.ts'
import { parseExperimentConfig } from './experiment-config.ts'
import { markDone, openExperimentFolder, readDoneMark } from './experiment-folder.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pelletline-experiment-'))
})
after(() => rm(folder, { recursive: true }))

const splits = toySplits(8)
const config = parseExperimentConfig({})

test('folder of another experiment is refused by what differs, one that grows is welcome', async () => {
  const out = join(folder, 'first')
  const open = async (given: typeof config) => (await openExperimentFolder(out, given, splits)).release()
  await open(config)
  await open(parseExperimentConfig({ seeds: 5, sweep: {}, title: 'again', threads: 1 }))
  const other = parseExperimentConfig({ distillation: { lambda: 0.9 }, student: { training: { epochs: 2 } } })
  await assert.rejects(openExperimentFolder(out, other, { ...splits, val: splits.test }), {
    code: 'failed_precondition',
    message: /differs in data\.val, distillation, student: go on with the same/,
  })
  // A refusal leaves the folder as it was.
  const kept = JSON.parse(await readFile(join(out, 'experiment.json'), 'utf8'))
  assert.equal(kept.config.seeds, 5)
  await writeFile(join(out, 'experiment.json'), '{"config"')
  await assert.rejects(openExperimentFolder(out, config, splits), { code: 'data_loss', message: /is damaged/ })
  const newer = { config: { ...config, moon: 1 }, data: kept.data }
  await writeFile(join(out, 'experiment.json'), JSON.stringify(newer))
  await assert.rejects(openExperimentFolder(out, config, splits), { message: /experiment\.json has a problem.*moon/s })
})

test('study grows by values, and is refused with other epochs or teachers before anything is written', async () => {
  const out = join(folder, 'studied')
  const open = async (given: unknown) =>
    (await openExperimentFolder(out, parseExperimentConfig(given), splits)).release()
  const read = () => readFile(join(out, 'experiment.json'), 'utf8')
  const refusal = (keys: string) => ({
    code: 'failed_precondition',
    message: new RegExp(`experiment.json .*differs in ${keys}: go on with the same`),
  })
  const sweep = { lambdas: [0.5], epochs: 6 }
  await open({ sweep })
  // As a folder of an earlier version was left.
  const { studies: _, ...earlier } = JSON.parse(await read())
  await writeFile(join(out, 'experiment.json'), JSON.stringify(earlier))
  await open({ sweep: { ...sweep, lambdas: [0.5, 0.9] }, labelStudy: { teachers: ['vgg16'] } })
  const kept = await read()
  const both = { sweep: { ...sweep, epochs: 8 }, labelStudy: { teachers: ['vgg16', 'vgg19'], seeds: 2 } }
  await assert.rejects(open(both), refusal('sweep\\.epochs, labelStudy\\.teachers'))
  assert.equal(await read(), kept)
  // Left out for a while, a study still has its models there.
  await open({})
  await assert.rejects(open({ sweep: { ...sweep, epochs: 8 } }), refusal('sweep\\.epochs'))
  await assert.rejects(open({ labelStudy: {} }), refusal('labelStudy\\.teachers'))
  await open({ sweep, labelStudy: { teachers: ['vgg16'], labelShares: [0.5], seeds: 3 } })
})

test('file in the way of a folder of the experiment is refused before anything is trained', async () => {
  for (const name of ['logits', 'models', 'report']) {
    const out = join(folder, `no-${name}`)
    await mkdir(out)
    await writeFile(join(out, name), '')
    await assert.rejects(openExperimentFolder(out, config, splits), {
      code: 'invalid_argument',
      message: new RegExp(`no-${name}.${name} cannot be made`),
    })
  }
})

test('folder whose settings cannot be read is refused instead of written over', async () => {
  const out = join(folder, 'unreadable')
  await mkdir(join(out, 'experiment.json'), { recursive: true })
  await assert.rejects(openExperimentFolder(out, config, splits), {
    code: 'failed_precondition',
    message: /experiment\.json cannot be read \(EISDIR\)/,
  })
})

test('mark of a finished job is read back, and a broken one counts as none', async () => {
  assert.equal(await readDoneMark(folder), undefined)
  const mark = { identity: 'abc', keptEpoch: 0, history: [], files: [{ precision: 'int8' as const, name: 'a.onnx' }] }
  await markDone(folder, mark)
  assert.deepEqual(await readDoneMark(folder), mark)
  await writeFile(join(folder, 'done.json'), '{"identity":"abc"}')
  assert.equal(await readDoneMark(folder), undefined)
})
