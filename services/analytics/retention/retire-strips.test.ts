import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { LotState } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { sql } from '../../shared/store/index.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { makeAudits, makeVerdicts, type StripPlan } from '../test-support/make-messages.ts'
import { engines, type RunningAnalytics, useSharedDatabase } from '../test-support/shared-database.ts'
import { collect, until, watchOnce } from '../test-support/start-analytics.ts'
import { readLastPosition } from './deleted-positions.ts'
import { keepRetention } from './keep-retention.ts'
import { retireAudits } from './retire-audits.ts'
import { retireStrips } from './retire-strips.ts'

const dayMs = 86_400_000
const inAnHour = () => BigInt(Date.now() + 3_600_000) * 1_000_000n

/** One pass over all parts; answers how many strips went. */
async function retireAll({ database }: RunningAnalytics, parts: number, beforeNs = inAnHour()): Promise<number> {
  let strips = 0
  for (let after: bigint | undefined = 0n; after !== undefined; ) {
    const page = await retireStrips(database.db, { after, parts, beforeNs, nowNs: beforeNs })
    strips += page.strips
    after = page.last
  }
  return strips
}

const lotOf = async (running: RunningAnalytics, lot: string) => (await running.lots.getLot({ lot })).lot!

/** Runs the job for one pass, that many days from now; answers its pauses in ms. */
async function runJob({ database }: RunningAnalytics, leads: boolean, days: number): Promise<number[]> {
  const stop = new AbortController()
  const pauses: number[] = []
  const clock = {
    now: () => Date.now() + days * dayMs,
    nowNs: () => BigInt(Date.now() + days * dayMs) * 1_000_000n,
    // Pauses within a pass are short; the one behind it ends the job.
    sleep: async (ms: number) => (ms < 60_000 ? void pauses.push(ms) : stop.abort()),
  }
  const isLeading = async () => leads
  const settings = { stripDays: 30, auditDays: 365, logger: silentLogger }
  await keepRetention({ ...settings, database, clock, isLeading }, stop.signal)
  return pauses
}

/** Columns of a part with what it adds, all of which must be given. */
const countColumns = [
  'first_index',
  'first_row',
  'exposed_unix_ns',
  'rows_acquired',
  'rows_lost',
  'strips',
  'found',
].concat([
  'classified',
  'screened',
  'shed',
  'not_judged',
  'cluster',
  'oversize',
  'image_edge',
  'cut_by_lost_rows',
  'ng',
  'dust',
])

/** Strips of a lot that have parts, and stretches of the line's retired strips. */
async function readRows({ database: { db } }: RunningAnalytics, line: string) {
  const parts = await db
    .selectFrom('strip_parts')
    .innerJoin('runs', 'runs.run_id', 'strip_parts.run_id')
    .select(['strip', 'part'])
    .where('line', '=', line)
    .orderBy('strip')
    .execute()
  const retired = await db
    .selectFrom('retired_strips')
    .innerJoin('runs', 'runs.run_id', 'retired_strips.run_id')
    .select(['first_strip', 'strips'])
    .where('line', '=', line)
    .orderBy('first_strip')
    .execute()
  return {
    parts: parts.map(({ strip, part }) => [Number(strip), part]),
    retired: retired.map(({ first_strip, strips }) => [Number(first_strip), Number(strips)]),
  }
}

for (const engine of engines) {
  describe(`retired strips on ${engine}`, () => {
    const withAnalytics = useSharedDatabase(engine)

    const openLot = async ({ lots, registry }: RunningAnalytics, line: string) => {
      await watchOnce(registry, line)
      await lots.openLot({ lot: line, line })
    }
    const first = (line: string, strip: number) => ({
      plant: 'plant-1',
      line,
      camera: 'camera-1',
      run: 'run-1',
      strip: BigInt(strip),
    })
    const plansOf = (line: string, strips: readonly number[]): StripPlan[] =>
      strips.map((strip) => ({ line, lot: line, strip, parts: ['oon', 'oc'] }))

    test('a closed lot is the same before and after, those strips included that no gateway reported', async () => {
      await withAnalytics(async (running) => {
        const line = 'balance'
        await openLot(running, line)
        await running.publish(plansOf(line, [0, 1, 2, 3, 4, 5]).flatMap(makeVerdicts))
        await running.settled()
        await running.lots.closeLot({ lot: line })
        await running.registry.reportLotSegment({ first: first(line, 4), strips: 2n, lot: line, durableBefore: 4n })
        await until(async () => (await lotOf(running, line)).state === LotState.CLOSED)
        const before = await lotOf(running, line)
        assert.deepEqual([before.balanced, before.stripsStamped], [true, 6n])

        const last = await readLastPosition(running.database.db)
        assert.equal(await retireAll(running, 5), 6)
        assert.deepEqual(await readRows(running, line), { parts: [], retired: [[0, 6]] })
        assert.deepEqual(await lotOf(running, line), before)
        const follow = (afterPosition: bigint) =>
          collect(running.lots.watchResults({ lot: line, afterPosition, untilNow: true }))
        assert.deepEqual([await follow(0n), await follow(last)], [[], []])
        await assert.rejects(follow(last + 1n), { code: 'failed_precondition' })
        const key = { strip: first(line, 3), index: 2 }
        await assert.rejects(running.traces.getPelletTrace({ key }), {
          code: 'not_found',
          message: /parts of strip .*balance.* have been deleted.*analytics\.retention\.stripDays/,
        })
      })
    })

    test('the job deletes where it leads, what has been old for as many days as are told', async () => {
      await withAnalytics(async (running) => {
        const line = 'job'
        await watchOnce(running.registry, line)
        const unassigned = plansOf(line, [0, 1, 2]).map((plan) => ({ ...plan, lot: `unassigned-${line}` }))
        await running.publish(unassigned.flatMap(makeVerdicts))
        await running.settled()
        const partsAfter = async (leads: boolean, days: number) => {
          await runJob(running, leads, days)
          return (await readRows(running, line)).parts.length
        }
        assert.deepEqual(
          [await partsAfter(false, 31), await partsAfter(true, 29), await partsAfter(true, 31)],
          [6, 6, 0],
        )
      })
    })

    test('the job pauses after every page of old parts, of a lot that nobody closes as well', async () => {
      await withAnalytics(async (running) => {
        const line = 'endless'
        await openLot(running, line)
        await running.publish(plansOf(line, [0]).flatMap(makeVerdicts))
        await running.settled()
        const { db } = running.database
        const names = ['run_id', 'part_count', 'lot_id', 'simulated', 'columns', 'threshold', 'booked_unix_ns']
        const columns = [...names, ...countColumns].map((name) => sql.ref(name))
        await sql`insert into strip_parts (strip, part, ${sql.join(columns)})
          select added, 0, ${sql.join(columns)} from generate_series(1, 2500) as added, (
            select p.* from strip_parts p join lots using (lot_id) where lots.name = ${line} and p.part = 0) as template`.execute(
          db,
        )
        assert.deepEqual(await runJob(running, true, 31), [100, 100])
        assert.equal((await readRows(running, line)).parts.length, 2502)
        // The other tests count what is retired.
        await sql`delete from strip_parts where lot_id = (select lot_id from lots where name = ${line})`.execute(db)
      })
    })

    test('the job deletes audited pellets once they are old enough, and the figures of their lot stay', async () => {
      await withAnalytics(async (running) => {
        const line = 'audits'
        await openLot(running, line)
        const drawn = Array.from({ length: 3 }, (_, index) => index)
        const items = drawn.map((index) => ({ index, probability: 0.5, student: 'OK', teacher: 'NG' }) as const)
        const plans = plansOf(line, [0, 1])
        await running.publish([...plans.flatMap(makeVerdicts), ...plans.map((plan) => makeAudits(plan, items))])
        await running.settled()
        const before = await lotOf(running, line)
        assert.equal(before.reconciliation?.audited, 6n)
        const audits = async () => {
          const { count } = await running.database.db
            .selectFrom('audits')
            .innerJoin('runs', 'runs.run_id', 'audits.run_id')
            .select((eb) => eb.fn.countAll<bigint>().as('count'))
            .where('line', '=', line)
            .executeTakeFirstOrThrow()
          return count
        }
        await runJob(running, true, 364)
        assert.equal(await audits(), 6n)
        await runJob(running, true, 366)
        assert.equal(await audits(), 0n)
        assert.deepEqual(await lotOf(running, line), before)
      })
    })

    test('an audited pellet that a clock booked ahead of its time does not keep those behind it', async () => {
      await withAnalytics(async (running) => {
        const line = 'audits-ahead'
        const { db } = running.database
        await openLot(running, line)
        const items = [0, 1, 2, 3].map((index) => ({ index, probability: 0.5, student: 'OK', teacher: 'OK' }) as const)
        const [plan] = plansOf(line, [0])
        await running.publish([...makeVerdicts(plan!), makeAudits(plan!, items)])
        await running.settled()
        const rows = await db
          .selectFrom('audits')
          .innerJoin('runs', 'runs.run_id', 'audits.run_id')
          .select('position')
          .where('line', '=', line)
          .orderBy('position')
          .execute()
        const [first, ahead, third] = rows.map(({ position }) => position)
        await db
          .updateTable('audits')
          .set({ booked_unix_ns: 2n * inAnHour() })
          .where('position', '=', ahead!)
          .execute()
        const beforeNs = inAnHour()
        const page = await retireAudits(db, { after: first! - 1n, rows: 3, beforeNs, nowNs: beforeNs })
        assert.deepEqual(page, { last: third, audits: 2 })
      })
    })

    test('a whole page that a clock booked ahead of its time does not keep those behind it', async () => {
      await withAnalytics(async (running) => {
        const line = 'page-ahead'
        const { db } = running.database
        await watchOnce(running.registry, line)
        const plans = plansOf(line, [0, 1, 2, 3]).map((plan) => ({ ...plan, lot: `unassigned-${line}` }))
        const items = [0, 1].map((index) => ({ index, probability: 0.5, student: 'OK', teacher: 'OK' }) as const)
        for (const plan of plans) {
          await running.publish([...makeVerdicts(plan), makeAudits(plan, items)])
          await running.settled()
        }
        const beforeNs = inAnHour()
        const firsts: bigint[] = []
        for (const table of ['strip_parts', 'audits'] as const) {
          const rows = db.selectFrom(table).innerJoin('runs', 'runs.run_id', `${table}.run_id`).where('line', '=', line)
          const positions = (await rows.select('position').orderBy('position').execute()).map((row) => row.position)
          const ahead = positions.slice(0, 4)
          await db
            .updateTable(table)
            .set({ booked_unix_ns: 2n * beforeNs })
            .where('position', 'in', ahead)
            .execute()
          firsts.push(positions[0]!)
        }
        const pages = async (
          after: bigint,
          retire: (after: bigint) => Promise<{ readonly last: bigint | undefined }>,
        ) => {
          for (let last: bigint | undefined = after - 1n; last !== undefined; ) last = (await retire(last)).last
        }
        const times = { beforeNs, nowNs: beforeNs }
        await pages(firsts[0]!, (after) => retireStrips(db, { after, parts: 2, ...times }))
        await pages(firsts[1]!, (after) => retireAudits(db, { after, rows: 2, ...times }))
        const ahead = { parts: [[0, 0], [0, 1], [1, 0], [1, 1]], retired: [[2, 2]] } // biome-ignore format: stretches read as pairs
        assert.deepEqual(await readRows(running, line), ahead)
        const audits = await db
          .selectFrom('audits')
          .innerJoin('runs', 'runs.run_id', 'audits.run_id')
          .select('strip')
          .where('line', '=', line)
          .orderBy('strip')
          .execute()
        assert.deepEqual(
          audits.map(({ strip }) => strip),
          [0n, 0n, 1n, 1n],
        )
        await sql`delete from strip_parts where booked_unix_ns > ${beforeNs}`.execute(db)
      })
    })

    test('a part that comes again is not counted, and one that never came is', async () => {
      await withAnalytics(
        async (running) => {
          const line = 'again'
          await openLot(running, line)
          const messages = plansOf(line, [0, 1, 2, 3, 4]).flatMap(makeVerdicts)
          const late = messages.filter(({ header, part }) => header?.key?.strip === 2n && part === 1)
          await running.publish(messages.filter((message) => !late.includes(message)))
          await running.registry.reportLotSegment({ first: first(line, 0), strips: 5n, lot: line })
          await running.settled()
          await running.lots.closeLot({ lot: line })
          await until(async () => (await lotOf(running, line)).state === LotState.CLOSED)
          const before = await lotOf(running, line)
          assert.equal(before.balanced, false)

          assert.equal(await retireAll(running, 100), 4)
          const kept = { parts: [[2, 0]], retired: [[0, 2], [3, 2]] } // biome-ignore format: stretches read as pairs
          assert.deepEqual(await readRows(running, line), kept)
          await running.publish(messages.filter((message) => !late.includes(message)))
          await running.settled()
          assert.deepEqual(await lotOf(running, line), before)
          assert.deepEqual(await readRows(running, line), kept)

          await running.publish([...late, ...messages])
          await running.settled()
          const whole = await lotOf(running, line)
          assert.deepEqual([whole.balanced, whole.reconciliation?.found], [true, 25n])
          assert.equal(await retireAll(running, 100), 1)
          assert.deepEqual(await readRows(running, line), { parts: [], retired: [[0, 5]] })
          const { pellets } = await running.database.db
            .selectFrom('pellets')
            .innerJoin('lots', 'lots.lot_id', 'pellets.lot_id')
            .select((eb) => eb.fn.countAll<bigint>().as('pellets'))
            .where('lots.name', '=', line)
            .executeTakeFirstOrThrow()
          assert.equal(pellets, 5n)
        },
        { options: { closing: { quietMs: 0, timeoutMs: 1_000 } } },
      )
    })

    test('parts stay while their lot is open or closed too lately; product without a lot goes by its age alone', async () => {
      await withAnalytics(async (running) => {
        const line = 'young'
        await openLot(running, line)
        await running.publish(plansOf(line, [0]).flatMap(makeVerdicts))
        await running.publish(
          plansOf(line, [1])
            .map((plan) => ({ ...plan, lot: `unassigned-${line}` }))
            .flatMap(makeVerdicts),
        )
        await running.settled()
        assert.equal(await retireAll(running, 100, BigInt(Date.now() - 3_600_000) * 1_000_000n), 0)
        assert.equal(await retireAll(running, 100), 1)
        assert.deepEqual(await readRows(running, line), { parts: [[0, 0], [0, 1]], retired: [[1, 1]] }) // biome-ignore format: pairs
      })
    })
  })
}
