import assert from 'node:assert/strict'
import test, { after, before, beforeEach } from 'node:test'
import { ModelAction, type ModelService, ModelState } from '../../../gen/pelletline/registry/v1/models_pb.ts'
import { createLocalClient } from '../../../shared/rpc/local-client.ts'
import { openDatabase, type Store, sql } from '../../../shared/store/index.ts'
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
    readTime: async () => nowNs,
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

test('what a student had no room for in its report is told to whoever lists the models', async () => {
  const { models } = setUp()
  const reported = [{ model: ref('a'), state: ModelState.READY }]
  await models.reportModels({ instance: 'student-1', live: ref('a'), models: reported, leftOut: 77 })
  const { students } = await models.listModels({})
  assert.deepEqual(
    students.map(({ instance, leftOut }) => [instance, leftOut]),
    [['student-1', 77]],
  )
})

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

test('a promotion that a student refuses once it is to judge is taken back with its load, and the model before judges', async () => {
  const { models, report, assigned } = setUp()
  await report(0n, ModelState.STORED)
  const asked = assert.rejects(models.promote({ model: 'b', by }), {
    code: 'failed_precondition',
    message:
      /Student student-1 refuses model b: out of memory The promotion was taken back; generation 3 is in force: the configured model judges\./,
  })
  await untilGeneration(assigned, 1n)
  await report(1n, ModelState.READY)
  await untilGeneration(assigned, 2n)
  await report(2n, ModelState.REFUSED, { reason: 'out of memory' })
  await asked
  const { live, held, before, generation } = await assigned()
  assert.deepEqual([live, held, before, generation], [undefined, [], [], 3n])
  const { changes } = await models.listModelChanges({})
  assert.deepEqual(
    changes.map(({ action }) => action),
    [ModelAction.REFUSED, ModelAction.PROMOTE, ModelAction.LOAD],
  )
})

test('a promotion that a student does not follow is taken back, and what was the canary is the canary again', async () => {
  const { models, report, assigned } = setUp(2_000)
  await report(0n, ModelState.READY)
  const canary = models.setCanary({ model: 'b', share: 0.5, by })
  await untilGeneration(assigned, 1n)
  await report(1n, ModelState.READY)
  await canary
  await assert.rejects(models.promote({ model: 'b', by }), {
    code: 'deadline_exceeded',
    message: /did not follow .* taken back; generation 3 is in force: the configured model judges, b is the canary/,
  })
  const { live, canary: again, before, generation } = await assigned()
  assert.deepEqual([live, again?.model?.id, again?.share, before, generation], [undefined, 'b', 0.5, [], 3n])
})

/** Lets the database refuse to write changes of these kinds until the returned function is called. */
async function refuseToWrite(...actions: readonly ModelAction[]): Promise<() => Promise<void>> {
  const { db } = database
  const body = `begin if new.action in (${actions.join(', ')}) then raise exception 'disk full'; end if; return new; end`
  await sql`create function refuse_change() returns trigger language plpgsql as ${sql.lit(body)}`.execute(db)
  await sql`create trigger refuse_change before insert on model_changes for each row execute function refuse_change()`.execute(
    db,
  )
  return async () => {
    await sql`drop trigger refuse_change on model_changes`.execute(db)
    await sql`drop function refuse_change()`.execute(db)
  }
}

test('a promotion that cannot be written once its model is loaded takes the load back', async () => {
  const { models, report, assigned } = setUp()
  await report(0n, ModelState.STORED)
  const allow = await refuseToWrite(ModelAction.PROMOTE)
  try {
    const asked = assert.rejects(models.promote({ model: 'b', by }), {
      message: /disk full.* The promotion was taken back; generation 2 is in force: the configured model judges\./,
    })
    await untilGeneration(assigned, 1n)
    await report(1n, ModelState.READY)
    await asked
  } finally {
    await allow()
  }
  assert.deepEqual((await assigned()).held, [])
})

test('a load that cannot be taken back after a promotion failed is named, with the command that ends it', async () => {
  const { models, report, assigned } = setUp()
  await report(0n, ModelState.STORED)
  const allow = await refuseToWrite(ModelAction.PROMOTE, ModelAction.REFUSED)
  try {
    const asked = assert.rejects(models.promote({ model: 'b', by }), {
      message: /could not be taken back \(.*disk full.*\); generation 1 is in force: .*`pelletline models unload b`/,
    })
    await untilGeneration(assigned, 1n)
    await report(1n, ModelState.READY)
    await asked
  } finally {
    await allow()
  }
  assert.deepEqual(
    (await assigned()).held.map(({ id }) => id),
    ['b'],
  )
})

test('a promotion that another change stands on is not taken back: the error says what is in force and what mends it', async () => {
  const { models, report, assigned } = setUp(1_500)
  await report(0n, ModelState.READY)
  const asked = assert.rejects(models.promote({ model: 'b', by }), {
    code: 'deadline_exceeded',
    message:
      /could not be taken back \(another change has made generation 2 since\); generation 2 is in force: b judges\. End it with `pelletline models rollback`/,
  })
  await untilGeneration(assigned, 1n)
  const other = assert.rejects(models.setShadow({ model: '', by }), { code: 'deadline_exceeded' })
  await untilGeneration(assigned, 2n)
  await Promise.all([asked, other])
  const { live, generation } = await assigned()
  assert.deepEqual([live?.id, generation], ['b', 2n])
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
