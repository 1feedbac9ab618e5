import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { addMeasures } from '../../services/analytics/test-support/add-measures.ts'
import { makeAudits, makeVerdicts } from '../../services/analytics/test-support/make-messages.ts'
import { startAnalytics, until, watchOnce } from '../../services/analytics/test-support/start-analytics.ts'
import { type RpcServer, startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { formatPelletName, parsePelletName } from '../../services/shared/telemetry/pellet-name.ts'
import { runPelletline, startPelletline } from '../support/run-pelletline.ts'

/** The members of the JSON objects that the tests look at. */
type Json = Readonly<
  Record<
    | 'acknowledgedBy'
    | 'audited'
    | 'balanced'
    | 'box'
    | 'classes'
    | 'classified'
    | 'clusters'
    | 'confidence'
    | 'd50'
    | 'externalJobId'
    | 'found'
    | 'grayDeviation'
    | 'id'
    | 'kind'
    | 'line'
    | 'lot'
    | 'ng'
    | 'ngPellets'
    | 'lower'
    | 'ngPpm'
    | 'notJudged'
    | 'pellets'
    | 'pieces'
    | 'recipe'
    | 'recipeVersion'
    | 'reconciliation'
    | 'regular'
    | 'rowsLost'
    | 'shapes'
    | 'sizes'
    | 'specked'
    | 'specks'
    | 'specksMeasured'
    | 'state'
    | 'upper'
    | 'version'
    | 'index'
    | 'margin',
    unknown
  >
>

describe('pelletline against a running plant', () => {
  let running: Awaited<ReturnType<typeof startAnalytics>>
  let server: RpcServer
  const ask = (...args: string[]) => runPelletline(...args, '--address', server.address)

  before(async () => {
    running = await startAnalytics()
    server = await startRpcServer({ implementations: running.analytics.implementations, logger: silentLogger })
    await watchOnce(running.registry, 'line-1')
    await running.lots.openLot({ lot: 'LOT-1', line: 'line-1' })
    const strips = Array.from({ length: 30 }, (_, strip) => ({
      line: 'line-1',
      lot: 'LOT-1',
      strip,
      parts: ['oooooooooo', 'onc'],
      rowsLost: strip === 3 ? 7 : 0,
    }))
    // The teachers find what the student calls OK to be NG: more than any recipe allows.
    const audited = Array.from({ length: 10 }, (_, index) => index)
    const disagreeing = { probability: 1, student: 'OK', teacher: 'NG' } as const
    await running.publish(strips.flatMap((strip) => makeVerdicts(strip)).map(addMeasures))
    await running.publish(
      strips.map((strip) =>
        makeAudits(
          strip,
          audited.map((index) => ({ index, ...disagreeing })),
        ),
      ),
    )
    await running.settled()
    await until(async () => (await running.alerts.listAlerts({})).alerts.length > 0)
  })
  after(async () => {
    await server.drain(1000)
    await running.stop()
  })

  it('lists and shows lots with the reconciliation of their counts', async () => {
    const [table, list, show] = await Promise.all([
      ask('lots', 'list'),
      ask('lots', 'list', '--json'),
      ask('lots', 'show', 'LOT-1', '--json'),
    ])
    assert.deepEqual([table.code, list.code, show.code], [0, 0, 0], table.stderr + list.stderr + show.stderr)
    assert.match(table.stdout, /^LOT-1 +line-1 +open +default v1 +390 +30 +/m)
    const [lot] = show.json() as Json[]
    const { sizes: _, ...listed } = lot!
    assert.deepEqual(
      (list.json() as Json[]).find(({ id }) => id === 'LOT-1'),
      listed,
    )
    const counts = lot!.reconciliation as Json
    assert.deepEqual(
      (['found', 'classified', 'ng', 'notJudged', 'rowsLost', 'audited', 'balanced'] as const).map(
        (name) => counts[name],
      ),
      [390, 360, 30, 30, 7, 300, true],
    )
    assert.equal((lot!.ngPpm as Json).confidence, 0.95)
    assert.equal(lot!.state, 'open')
  })

  it('shows shapes, specks and sizes of a lot, and its distributions class by class', async () => {
    const [show, text, sizes] = await Promise.all([
      ask('lots', 'show', 'LOT-1', '--json'),
      ask('lots', 'show', 'LOT-1'),
      ask('lots', 'sizes', 'LOT-1', '--json'),
    ])
    assert.deepEqual([show.code, text.code, sizes.code], [0, 0, 0], show.stderr + text.stderr + sizes.stderr)
    const [lot] = show.json() as Json[]
    assert.deepEqual([(lot!.shapes as Json).regular, (lot!.shapes as Json).clusters], [360, 30])
    assert.deepEqual([lot!.specked, lot!.specksMeasured, lot!.grayDeviation], [30, 360, null])
    assert.match(text.stdout, /With a speck +30 of 360 measured \(8\.33 %\)/)
    assert.match(text.stdout, /Pellet diameter D50, um +2,0\d\d /)
    const [distributions] = sizes.json() as Json[]
    const [pellets] = distributions!.pellets as Json[]
    const [size] = pellets!.classes as Json[]
    assert.equal(pellets!.pieces, 360)
    assert.ok(Number(size!.lower) <= Number(pellets!.d50) && Number(pellets!.d50) <= Number(size!.upper))
    assert.deepEqual(
      (distributions!.specks as Json[]).map(({ pieces }) => pieces),
      [60],
    )
  })

  it('opens and closes a lot, and says why another cannot be opened', async () => {
    await watchOnce(running.registry, 'line-2')
    const opened = await ask('lots', 'open', 'LOT-2', '--line', 'line-2', '--job', 'job-7', '--json')
    assert.equal(opened.code, 0, opened.stderr)
    const [lot] = opened.json() as Json[]
    assert.deepEqual([lot!.id, lot!.externalJobId, lot!.state], ['LOT-2', 'job-7', 'open'])

    const second = await ask('lots', 'open', 'LOT-3', '--line', 'line-2')
    assert.equal(second.code, 1)
    assert.match(second.stderr, /LOT-2/)

    const closed = await ask('lots', 'close', 'LOT-2', '--json')
    assert.match(String((closed.json()[0] as Json).state), /^clos(ing|ed)$/)
  })

  it('ends with 3 for a lot that is not known and with 2 for a name that is not valid', async () => {
    const [unknown, results, invalid] = await Promise.all([
      ask('lots', 'show', 'nowhere'),
      ask('results', 'nowhere'),
      ask('lots', 'open', '-bad name', '--line', 'line-1'),
    ])
    assert.deepEqual([unknown.code, results.code, invalid.code], [3, 3, 2])
    assert.match(unknown.stderr, /^pelletline: .*nowhere/)
  })

  it('streams the results of a lot with its NG pellets', async () => {
    const [json, text] = await Promise.all([ask('results', 'LOT-1', '--json'), ask('results', 'LOT-1')])
    assert.equal(json.code, 0, json.stderr)
    const parts = json.json() as Json[]
    assert.equal(parts.length, 60)
    const pellets = parts.flatMap((part) => part.ngPellets as Json[])
    assert.equal(pellets.length, 30)
    const [{ index, box, margin }] = pellets as [Json]
    const { x, width, height } = box as { x: number; width: number; height: number }
    assert.deepEqual([index, margin, x, width, height], [11, 4.5, 40, 35, 33])
    const [, name] =
      /^NG {2}(\S+\/line-1\/camera-1\/run-1\/0\/11) {2}at x 40/m.exec(text.stdout) ?? assert.fail(text.stdout)
    assert.equal(formatPelletName(parsePelletName(name!)), name, '`trace` takes the name as it stands')
    assert.match(text.stderr, /60 strip parts: 390 pellets found, 360 classified, 30 NG\. Take up with --after \d+\./)
  })

  it('watches alerts until Ctrl-C, which is no error', async () => {
    const watch = startPelletline('alerts', 'watch', '--json', '--address', server.address)
    await watch.line(/"kind":"disagreement"/)
    watch.signal('SIGINT')
    const { code, stderr } = await watch.ended
    assert.equal(code, 0, stderr)
  })

  it('lists and acknowledges alerts', async () => {
    const list = await ask('alerts', 'list', '--unresolved', '--json')
    assert.equal(list.code, 0, list.stderr)
    const alert = (list.json() as Json[]).find(({ kind }) => kind === 'disagreement')!
    assert.deepEqual([alert.state, alert.line, alert.acknowledgedBy], ['active', 'line-1', null])
    const acknowledged = await ask('alerts', 'ack', String(alert.id), '--by', 'A. Miller', '--json')
    const [after] = acknowledged.json() as Json[]
    assert.deepEqual([after!.state, after!.acknowledgedBy], ['acknowledged', 'A. Miller'])
  })

  it('shows lines and the recipe in force', async () => {
    const [lines, recipe] = await Promise.all([
      ask('lines', 'list', '--json'),
      ask('recipes', 'show', 'default', '--json'),
    ])
    assert.equal(lines.code, 0, lines.stderr)
    const line = (lines.json() as Json[]).find(({ id }) => id === 'line-1')
    assert.deepEqual([line?.lot, line?.recipe, line?.recipeVersion], ['LOT-1', 'default', 1])
    assert.deepEqual([(recipe.json()[0] as Json).id, (recipe.json()[0] as Json).version], ['default', 1])
  })
})
