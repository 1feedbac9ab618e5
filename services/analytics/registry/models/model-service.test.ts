import assert from 'node:assert/strict'
import test, { after, before, beforeEach } from 'node:test'
import { ModelAction, type ModelService, ModelState } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { createLocalClient } from '../../../shared/rpc/local-client.ts'
import { openDatabase, type Store } from '../../../shared/store/index.ts'
import { createModelService } from './model-service.ts'

let database: Store
before(async () => {
  database = await openDatabase({ kind: 'pglite' })
})
beforeEach(async () => {
  for (const table of ['model_assignments', 'model_changes', 'student_reports'] as const) {
    await database.db.deleteFrom(table).execute()
  }
})
after(() => database.close())

const by = 'tester'
const ref = (id: string) => ({ id, sha256: id.repeat(64).slice(0, 64) })

/** The service with a clock that the test moves, and a student that reports when the test says so. */
function setUp(settleMs = 60_000) {
  let nowNs = 10n ** 18n
  const closing = new AbortController()
  const service = createModelService({
    db: database.db,
    nowNs: () => nowNs,
    settleMs,
    closing: closing.signal,
  })
  const models = createLocalClient(service) as ReturnType<typeof createLocalClient<typeof ModelService>>
  const report = (generation: bigint, b: ModelState, rest: { reason?: string } = {}) =>
    models.reportModels({
      instance: 'student-1',
      generation,
      live: ref('a'),
      models: [
        { model: ref('a'), state: ModelState.READY },
        { model: ref('b'), state: b, ...rest },
      ],
    })
  const assigned = async () => (await models.listModels({})).assignment!
  return { models, report, assigned, pass: (seconds: number) => (nowNs += BigInt(seconds) * 1_000_000_000n) }
}

/** Resolves once the assignment has reached a generation. */
async function untilGeneration(assigned: () => Promise<{ readonly generation: bigint }>, generation: bigint) {
  while ((await assigned()).generation < generation) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('a model that silences every student while it loads is not loaded: it is withdrawn, and the error says what is not known', async () => {
  const { models, report, assigned, pass } = setUp(3_000)
  await report(0n, ModelState.STORED)
  const load = models.loadModel({ model: 'b', by }).then(
    () => assert.fail('it counts as loaded'),
    (reason) => reason,
  )
  await untilGeneration(assigned, 1n)
  // The student's process ends without a word, and its last report grows old.
  pass(21)
  const error = await load
  assert.equal(error.code, 'deadline_exceeded')
  assert.match(error.message, /No student reports any more, so it is not known whether the change to b was taken up/)
  assert.deepEqual((await assigned()).held, [])
  const { changes } = await models.listModelChanges({})
  assert.deepEqual(
    changes.map(({ action, to }) => [action, to]),
    [
      [ModelAction.REFUSED, 'b'],
      [ModelAction.LOAD, 'b'],
    ],
  )
})

test('promote and canary are refused where no student reports', async () => {
  const { models, report, assigned, pass } = setUp(100)
  await report(0n, ModelState.READY)
  pass(21)
  const message = /No student has reported lately/
  await assert.rejects(models.promote({ model: 'b', by }), { code: 'failed_precondition', message })
  await assert.rejects(models.setCanary({ model: 'b', share: 0.5, by }), { code: 'failed_precondition', message })
  assert.equal((await assigned()).generation, 0n)
})

test('a canary that fails in one student is let go everywhere, once, and the log says why', async () => {
  const { models, report, assigned } = setUp()
  await report(0n, ModelState.READY)
  const asked = models.setCanary({ model: 'b', share: 0.5, by })
  await untilGeneration(assigned, 1n)
  await report(1n, ModelState.READY)
  const { assignment } = await asked
  assert.equal(assignment!.canary!.model!.id, 'b')
  const reason = 'Model b gave no finite score for crop 3'
  // A report of before the canary was set speaks of another load.
  await report(0n, ModelState.FAILED, { reason: 'old' })
  assert.equal((await assigned()).canary!.model!.id, 'b')
  await report(1n, ModelState.FAILED, { reason })
  await report(2n, ModelState.FAILED, { reason })
  const after = await assigned()
  assert.deepEqual([after.generation, after.canary, after.held], [2n, undefined, []])
  const { changes } = await models.listModelChanges({})
  const failed = changes.filter(({ action }) => action === ModelAction.FAILED)
  assert.deepEqual(
    failed.map(({ from, to, by, detail, generation }) => [from, to, by, detail, generation]),
    [['b', '', 'student-1', reason, 2n]],
  )
})
