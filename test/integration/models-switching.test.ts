import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import test, { after, before, beforeEach } from 'node:test'
import { ModelAction, ModelState } from '../../services/gen/pelletline/registry/v1/models_pb.ts'
import { deadLetterTopic } from '../../services/shared/bus/topics.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { modelDirectory, writeTinyModel } from '../../services/shared/onnx/test-support/tiny-model.ts'
import { openDatabase, type Store } from '../../services/shared/store/index.ts'
import { feedParts } from '../support/feed-parts.ts'
import { forgetModels, type ModelPlant, startModelPlant } from '../support/model-plant.ts'

let directory: Awaited<ReturnType<typeof modelDirectory>>
let modelPath: string
let database: Store
/** Margin of a crop of gray level 28 by each model: no two are near each other. */
const margins = new Map([
  ['one', 10],
  ['two', 20],
  ['three', 40],
])
const levels = Array.from({ length: 24 }, () => 28)
const couldBe = (model: string, _level: number, margin: number) =>
  Math.abs(margin - (margins.get(model) ?? Number.NaN)) < 0.1
const by = 'tester'

before(async () => {
  database = await openDatabase({ kind: 'pglite' })
  directory = await modelDirectory()
  for (const [id, margin] of margins) {
    await writeTinyModel(directory.path, { id, gain: margin / 100, center: 128, threshold: 3 * margin })
  }
  modelPath = join(directory.path, 'one.onnx')
})
beforeEach(() => forgetModels(database))
after(async () => {
  await database.close()
  await directory.remove()
})

/** Runs with a plant of one student, and ends it whatever happens. */
async function withPlant(
  run: (plant: ModelPlant) => Promise<void>,
  options: Partial<Parameters<typeof startModelPlant>[0]> = {},
) {
  const plant = await startModelPlant({ modelPath, database, ...options })
  try {
    await run(plant)
  } finally {
    await plant.stop()
  }
}

const feed = (plant: ModelPlant, lot: string, rest: { readonly line?: string; readonly firstStrip?: bigint } = {}) =>
  feedParts({ bus: plant.bus, levels, inFlight: 4, lot, line: 'line-1', couldBe, ...rest })

/** The list once so many students have said which model judges: each reports that it is warm a moment after it is. */
async function listReported({ models }: ModelPlant, students: number) {
  for (;;) {
    const list = await models.listModels({})
    if (list.students.filter(({ live }) => live !== undefined).length === students) return list
  }
}

async function refusalOf(work: Promise<unknown>): Promise<PelletlineError> {
  return work.then(
    () => assert.fail('it was not refused'),
    (reason) => PelletlineError.from(reason),
  )
}

test('switching every 200 ms under load loses no part, mixes no models within one, and the lot says who judged how many', async () => {
  await withPlant(async ({ models, lots, ...plant }) => {
    await models.loadModel({ model: 'two', by })
    const running = await feed({ models, lots, ...plant }, 'lot-switch')
    await running.until(20)
    const [names, switches] = [['two', 'one'], 8]
    for (let i = 0; i < switches; i += 1) {
      await Promise.all([
        models.promote({ model: names[i % 2]!, by, why: `switch ${i}` }),
        new Promise((resolve) => setTimeout(resolve, 200)),
      ])
      const seen = running.judged()
      await running.until(seen + 8)
    }
    const result = await running.stop()
    assert.deepEqual([result.lost, result.mixed, result.incomplete], [0, 0, 0])
    assert.ok([...result.byModel.values()].every((count) => count > 0) && result.byModel.size === 2)
    // The books count every pellet under the model that judged it.
    const counts = async () => (await lots.getLot({ lot: 'lot-switch' })).lot!
    let lot = await counts()
    while (Number(lot.reconciliation!.classified) < result.parts * levels.length) lot = await counts()
    assert.deepEqual(
      new Map(lot.models.map(({ model, classified }) => [model!.id, Number(classified) / levels.length])),
      new Map(['one', 'two'].map((id) => [id, result.byModel.get(id)!])),
    )
    assert.ok(lot.models.every((model) => model.firstExposedUnixNs > 0n && model.ng === 0n))
    const { changes } = await models.listModelChanges({ pageSize: 100 })
    assert.equal(changes.filter(({ action }) => action === ModelAction.PROMOTE).length, switches)
    assert.deepEqual(
      [changes[0]!.from, changes[0]!.to, changes[0]!.by, changes[0]!.why],
      ['two', 'one', by, 'switch 7'],
    )
  })
})

test('a canary judges its share of the parts, the same ones again, a shadow only compares, and a rollback goes back', async () => {
  await withPlant(async ({ models, lots, ...plant }) => {
    const whole = { models, lots, ...plant }
    await models.setCanary({ model: 'two', share: 0.25, by })
    await models.setShadow({ model: 'three', by })
    const first = await feed(whole, 'lot-canary')
    await first.until(200)
    const tried = await first.stop()
    assert.deepEqual([tried.lost, tried.mixed], [0, 0])
    const share = tried.byModel.get('two')! / tried.parts
    // Five standard deviations of a binomial share.
    assert.ok(Math.abs(share - 0.25) < 5 * Math.sqrt((0.25 * 0.75) / tried.parts), `${share} of ${tried.parts}`)
    assert.equal(tried.byModel.has('three'), false)
    const status = async (id: string) => {
      const { students } = await models.listModels({})
      return students[0]!.models.find(({ model }) => model!.id === id)!
    }
    let shadow = (await status('three')).shadow
    const watched = () => Number((shadow?.compared ?? 0n) + (shadow?.skipped ?? 0n))
    while (watched() < tried.parts * levels.length) shadow = (await status('three')).shadow
    assert.ok(shadow!.compared > 0n && shadow!.okToNg === 0n && shadow!.ngToOk === 0n)
    assert.ok(Math.abs(shadow!.largestDifference - 30) < 0.1)
    // The same parts come again, as after a crash: each falls to the same model.
    const again = await feed(whole, 'lot-canary')
    await again.until(tried.parts)
    await again.stop()
    const repeated = again.byModel()
    assert.ok(repeated.get('two')! >= tried.byModel.get('two')!)

    await models.promote({ model: 'two', by })
    const { assignment } = await models.listModels({})
    assert.deepEqual([assignment!.live!.id, assignment!.canary], ['two', undefined])
    const back = await models.rollback({ by })
    assert.deepEqual([back.assignment!.live!.id, back.assignment!.before], ['one', []])
    const last = await feed(whole, 'lot-canary', { firstStrip: 100_000n })
    await last.until(20)
    assert.deepEqual([...(await last.stop()).byModel.keys()], ['one'])
  })
})

test('a canary that gives no finite score loses no part and no share of one: the live model judges, and the canary is let go', async () => {
  await writeTinyModel(directory.path, { id: 'unsure', fault: 'nan-when-nearly-dark' })
  try {
    await withPlant(async (plant) => {
      const { models, bus } = plant
      await models.setCanary({ model: 'unsure', share: 1, by })
      const fine = await feed(plant, 'lot-fine')
      await fine.until(5)
      assert.deepEqual([...(await fine.stop()).byModel.keys()], ['unsure'])
      const dark = await feedParts({
        bus,
        levels: [28, 28, 2, 28],
        inFlight: 4,
        lot: 'lot-dark',
        line: 'line-1',
        firstStrip: 100_000n,
        couldBe: (model, level, margin) => model === 'one' && Math.abs(margin - 0.1 * (128 - level)) < 0.1,
      })
      await dark.until(20)
      const result = await dark.stop()
      assert.deepEqual([[...result.byModel.keys()], result.lost, result.mixed, result.incomplete], [['one'], 0, 0, 0])
      assert.equal((await bus.lag(deadLetterTopic, 'test')).messages, 0)
      const failed = async () =>
        (await models.listModelChanges({})).changes.filter(({ action }) => action === ModelAction.FAILED)
      let log = await failed()
      while (log.length === 0) log = await failed()
      assert.deepEqual([log.length, log[0]!.from, log[0]!.by], [1, 'unsure', 'student-1'])
      assert.match(log[0]!.detail, /unsure gave no finite score for crop 2 of part 0 of strip line-1\/camera-1\/1000/)
      assert.equal((await models.listModels({})).assignment!.canary, undefined)
    })
  } finally {
    for (const ending of ['onnx', 'manifest.json']) await rm(join(directory.path, `unsure.${ending}`))
  }
})

test('a canary on a line judges that line and no other', async () => {
  await withPlant(async (plant) => {
    await plant.models.setCanary({ model: 'two', lines: ['line-2'], by })
    const feeds = await Promise.all([feed(plant, 'lot-1'), feed(plant, 'lot-2', { line: 'line-2' })])
    await Promise.all(feeds.map((running) => running.until(10)))
    const [first, second] = await Promise.all(feeds.map((running) => running.stop()))
    assert.deepEqual([[...first!.byModel.keys()], [...second!.byModel.keys()]], [['one'], ['two']])
  })
})

test('a bad model is refused by name with the reason, the old one stays, and the log has it', async () => {
  const bad = [
    { id: 'bad-nan', fault: 'nan', reason: /bad-nan\.onnx gave NaN as logit/ },
    { id: 'bad-dark', fault: 'nan-when-dark', reason: /bad-dark\.onnx gave NaN as logit \d of .* all of gray 0/ },
    { id: 'bad-shape', fault: 'output-shape', reason: /bad-shape\.onnx gives float32 logits \[N, 3\]/ },
    { id: 'bad-batch', fault: 'mixes-batch', reason: /bad-batch\.onnx gave logit .* alone/ },
    { id: 'bad-teacher', manifest: { kind: 'teacher' }, reason: /No student has a model bad-teacher/ },
    { id: 'bad-bytes', reason: /bad-bytes\.onnx has SHA-256/ },
  ] as const
  for (const { reason: _, ...model } of bad) await writeTinyModel(directory.path, model)
  await writeFile(join(directory.path, 'bad-bytes.onnx'), 'damaged')
  await writeFile(join(directory.path, 'bad-manifest.onnx'), '')
  await writeFile(join(directory.path, 'bad-manifest.manifest.json'), '{')
  try {
    await withPlant(async (plant) => {
      const { models } = plant
      const running = await feed(plant, 'lot-bad')
      const refused = [...bad, { id: 'bad-manifest', reason: /not JSON/ }, { id: 'absent', reason: /there are .*one/ }]
      for (const { id, reason } of refused) {
        const error = await refusalOf(models.promote({ model: id, by }))
        assert.match(error.message, reason)
        assert.ok(error.message.includes(id) && ['failed_precondition', 'not_found'].includes(error.code), error.code)
      }
      const result = await running.stop()
      assert.deepEqual([[...result.byModel.keys()], result.lost], [['one'], 0])
      const { assignment, students } = await models.listModels({})
      assert.deepEqual([students[0]!.live!.id, assignment!.held, assignment!.live], ['one', [], undefined])
      const { changes } = await models.listModelChanges({})
      const log = changes.filter(({ action }) => action === ModelAction.REFUSED).map(({ to }) => to)
      assert.deepEqual(log.reverse(), ['bad-nan', 'bad-dark', 'bad-shape', 'bad-batch', 'bad-bytes'])
    })
  } finally {
    for (const { id } of [...bad, { id: 'bad-manifest' }]) {
      for (const ending of ['onnx', 'manifest.json']) await rm(join(directory.path, `${id}.${ending}`), { force: true })
    }
  }
})

test('a model that nobody has signed and one too many are refused, and the old one stays', async () => {
  await withPlant(
    async ({ models }) => {
      const error = await refusalOf(models.loadModel({ model: 'two', by }))
      assert.match(error.message, /two\.onnx is not signed/)
    },
    { student: { models: { allowUnsigned: false } } },
  )
  await withPlant(
    async ({ models }) => {
      await models.loadModel({ model: 'two', by })
      const error = await refusalOf(models.loadModel({ model: 'three', by }))
      assert.match(error.message, /2 models are in memory \(one, two\), at most 2/)
      await models.unloadModel({ model: 'two', by })
      await models.loadModel({ model: 'three', by })
      const { students } = await models.listModels({})
      const ready = students[0]!.models.filter(({ state }) => state === ModelState.READY).map(({ model }) => model!.id)
      assert.deepEqual(ready, ['one', 'three'])
    },
    { student: { models: { maxLoaded: 2 } } },
  )
})

test('what is assigned survives a restart, holds for several students, and a lost model is named with the way out', async () => {
  try {
    await withPlant(async ({ models }) => {
      await models.setCanary({ model: 'three', share: 0.5, by })
      await models.promote({ model: 'two', by, why: 'better' })
    })
    await withPlant(
      async (plant) => {
        const { assignment, students } = await listReported(plant, 2)
        assert.deepEqual(
          [assignment!.live!.id, assignment!.canary!.model!.id, students.map(({ live }) => live!.id)],
          ['two', 'three', ['two', 'two']],
        )
        assert.equal((await plant.models.listModelChanges({})).changes.find(({ to }) => to === 'two')?.why, 'better')
        await plant.models.rollback({ by })
        const now = await plant.models.listModels({})
        assert.deepEqual(
          now.students.map(({ live }) => live!.id),
          ['one', 'one'],
        )
        await plant.models.promote({ model: 'two', by })
      },
      { students: 2 },
    )
    await writeTinyModel(directory.path, { id: 'two', gain: 0.9 })
    const error = await refusalOf(withPlant(async () => {}))
    assert.match(error.message, /registry assigns is refused: .*two\.onnx has SHA-256 .*startWith: configured/)
    await withPlant(
      async (plant) => {
        const { students } = await listReported(plant, 1)
        assert.equal(students[0]!.live!.id, 'one')
        await plant.models.rollback({ by })
      },
      { student: { models: { startWith: 'configured' } } },
    )
  } finally {
    await writeTinyModel(directory.path, { id: 'two', gain: 0.2, center: 128, threshold: 60 })
  }
})
