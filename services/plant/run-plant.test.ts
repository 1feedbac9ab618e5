import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { create, type MessageInitShape } from '@bufbuild/protobuf'
import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { EstimateSchema, ReconciliationSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { AlertService, type LotSchema, LotService, LotState } from '../gen/pelletline/mes/v1/mes_pb.ts'
import { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { implement } from '../shared/rpc/implement.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import { systemClock } from '../shared/service/clock.ts'
import { type ProcessPort, runService } from '../shared/service/run-service.ts'
import { closeLots } from './close-lots.ts'
import { feedLine, type LineFeed, type LineFeedOptions } from './feed-line.ts'
import { defaultPlantOptions } from './options.ts'
import type { PlantServices } from './plant-services.ts'
import { startPlant } from './run-plant.ts'
import { createLineWatch } from './watch-lines.ts'

const unused = () => Promise.reject(new PelletlineError('unimplemented', 'not needed here'))

async function* refuse() {
  yield* []
  throw new PelletlineError('failed_precondition', 'strip 7 is out of order')
}

const idleReport = {
  pelletsPerSecond: 0,
  ngPpm: create(EstimateSchema),
  audited: 0,
  disagreement: create(EstimateSchema),
  rowsLost: 0n,
  alerts: [],
  reconciliation: { ...create(ReconciliationSchema), balanced: true },
}

type FakeLot = MessageInitShape<typeof LotSchema> & { readonly id: string; readonly line: string }

const closed = { state: LotState.CLOSED, balanced: true }
const open = { state: LotState.OPEN, balanced: true }

/** Services that book nothing; `calls` notes what becomes of lots and services. `lots` are the books, in the order of opening. */
function createIdleServices(lineReport: () => Promise<object> = async () => idleReport) {
  const calls: string[] = []
  const unassigned = ['line-1', 'line-2'].map((line) => ({ ...open, id: `unassigned-${line}`, line }))
  const lots: FakeLot[] = [...unassigned]
  const findLot = (lot: string) => lots.find(({ id }) => id === lot)!
  const openOf = (line: string) => lots.findLast((lot) => lot.line === line && lot.state === LotState.OPEN)!
  let balanced = true
  const implementations = [
    implement(RegistryService, {
      listLines: unused,
      getRecipe: unused,
      putRecipe: unused,
      reportLotSegment: unused,
      async *watchLine({ line }) {
        yield { assignment: { line, lot: openOf(line).id } }
      },
    }),
    implement(LotService, {
      async openLot({ lot, line, externalJobId }) {
        if (!openOf(line).id.startsWith('unassigned-')) throw new PelletlineError('failed_precondition', 'one is open')
        lots.push({ ...closed, id: lot, line, externalJobId, state: LotState.OPEN })
        return { lot: lots.at(-1)! }
      },
      async closeLot({ lot }) {
        calls.push(`close ${lot.slice(0, 6)}`)
        return { lot: { ...lots.find(({ id }) => id === lot), id: lot, ...closed, balanced } }
      },
      getLot: async ({ lot }) => ({ lot: { ...findLot(lot) } }),
      listLots: async ({ line }) => ({ lots: lots.filter((lot) => lot.line === line).reverse() }),
      getLotDistributions: unused,
      watchResults: refuse,
    }),
    implement(AlertService, { listAlerts: async () => ({}), watchAlerts: refuse, acknowledgeAlert: unused }),
    implement(CameraGatewayService, { getIntake: unused, streamStrips: refuse }),
  ] as unknown as ServiceImplementation[]
  const services = {
    address: 'nowhere',
    lineReport,
    failed: new Promise(() => undefined),
    client: (service: { readonly typeName: string }) =>
      createLocalClient(implementations.find((one) => one.service.typeName === service.typeName)!),
    queueFill: async () => 0,
    settleVerdicts: async () => void calls.push('settle verdicts'),
    settle: async () => void calls.push('settle'),
    drain: async () => void calls.push('drain'),
  } as unknown as PlantServices
  const unbalance = () => {
    balanced = false
  }
  return { services, calls, lots, findLot, unbalance }
}

/** A line that ends its run when it is told to. */
function createCalmFeed({ line, lot, run }: LineFeedOptions): LineFeed {
  const { promise, resolve } = Promise.withResolvers<void>()
  const truth = () => ({ pellets: 0, ng: 0, subSize: 0 })
  return { line, lot, run, stop: resolve, finished: promise, rows: () => 0, startedAtMs: 0, truth }
}

/** Runs a plant of two lines to its end. */
async function run(services: PlantServices, feed: (options: LineFeedOptions) => LineFeed, isTTY = false) {
  const exits: number[] = []
  let errors = ''
  let output = ''
  let remarks = ''
  const port: ProcessPort = {
    on: () => undefined,
    off: () => undefined,
    exit: (code) => void exits.push(code),
    writeError: (text) => {
      errors += text
    },
  }
  const options = { ...defaultPlantOptions('.'), lines: 2, json: true }
  const stdout = {
    write: (text: string) => {
      output += text
    },
  }
  const parts = {
    compose: async () => services,
    feed,
    onKill: () => undefined,
    stdout,
    stderr: {
      // A terminal is drawn anew every half second, a file gets a line every five.
      isTTY,
      write: (text: string) => {
        remarks += text
      },
    },
  }
  await runService({
    name: 'pelletline',
    process: port,
    drainTimeoutMs: 1_000,
    start: (signal) => startPlant(options, signal, parts),
  })
  return { exits, errors, remarks, reports: output.trim().split('\n') }
}

describe('plant', () => {
  it('ends with the error of a line that cannot be fed, after the lots of all lines are closed and reported', async () => {
    const { services, calls } = createIdleServices()
    const feed = (options: LineFeedOptions) => (options.line === 'line-1' ? feedLine(options) : createCalmFeed(options))
    const { exits, errors, reports } = await run(services, feed)
    assert.deepEqual(exits, [1])
    assert.match(errors, /The strips of line-1, run \S+, could not be delivered: strip 7 is out of order/)
    assert.deepEqual(calls, ['settle verdicts', 'settle', 'close line-1', 'close line-2', 'drain'])
    assert.deepEqual(
      reports.map((text) => JSON.parse(text).line),
      ['line-1', 'line-2'],
    )
  })

  it('ends with the counts that do not balance, whatever fails at its end', async () => {
    const { services, unbalance } = createIdleServices()
    unbalance()
    services.drain = () => Promise.reject(new PelletlineError('deadline_exceeded', 'analytics was killed.'))
    const { exits, errors } = await run(services, (options) => {
      const calm = createCalmFeed(options)
      calm.stop()
      return calm
    })
    assert.deepEqual(exits, [1])
    assert.match(errors, /The counts of line-1\S+, line-2\S+ do not balance.*\nanalytics was killed\./)
  })

  it('drains its services where the books cannot be read at the end', async () => {
    const { services, calls } = createIdleServices(() =>
      Promise.reject(new PelletlineError('unavailable', 'The database is closed.')),
    )
    const { exits, errors } = await run(services, (options) => {
      const feed = createCalmFeed(options)
      feed.stop()
      return feed
    })
    assert.deepEqual(exits, [1])
    assert.match(errors, /The database is closed/)
    assert.deepEqual(calls, ['settle verdicts', 'settle', 'drain'])
  })

  it('goes on and ends with its report where the books could not be read for a moment', async () => {
    let readings = 0
    const feeds: LineFeed[] = []
    const told: string[] = []
    const { services, calls } = createIdleServices(async () => {
      readings++
      const closing = calls.includes('settle')
      // Two lines are read at a time: these are the first look at the table, and the first of the closing.
      if (readings <= 2 || (closing && !told.includes('closing'))) {
        if (closing) told.push('closing')
        throw new PelletlineError('unavailable', 'The database cannot be reached. It is tried again.')
      }
      if (readings === 4) for (const line of feeds) line.stop()
      return idleReport
    })
    const feed = (options: LineFeedOptions) => {
      const calm = createCalmFeed(options)
      feeds.push(calm)
      return calm
    }
    const { exits, errors, remarks, reports } = await run(services, feed, true)
    assert.deepEqual([exits, errors.replace(/^READY.*\n/, '')], [[0], ''])
    assert.match(remarks, /the table stands still: The database cannot be reached/)
    assert.deepEqual(told, ['closing'])
    assert.match(remarks, /line-2/, 'the table is drawn by the second look')
    assert.deepEqual(
      reports.map((text) => JSON.parse(text).line),
      ['line-1', 'line-2'],
    )
    assert.deepEqual(calls.slice(-3), ['close line-1', 'close line-2', 'drain'])
  })

  it('reports the lots where the table ended with a fault, and ends with that fault', async () => {
    let readings = 0
    const { services, calls } = createIdleServices(async () => {
      readings++
      if (readings <= 2) throw new PelletlineError('internal', 'A count is not a number.')
      return idleReport
    })
    const { exits, errors, reports } = await run(services, createCalmFeed, true)
    assert.deepEqual(exits, [1])
    assert.match(errors, /A count is not a number/)
    assert.deepEqual(
      reports.map((text) => JSON.parse(text).line),
      ['line-1', 'line-2'],
    )
    assert.equal(calls.at(-1), 'drain')
  })

  it('shows no share of nothing, and no line after its lot is closed', async () => {
    const { services, calls, lots } = createIdleServices()
    const options = { line: 'line-1', lot: 'line-1-lot', run: 'run-1' } as LineFeedOptions
    lots.push({ ...closed, id: 'line-1-lot', line: 'line-1' })
    const feeds = [createCalmFeed(options)]
    const readStatuses = createLineWatch(services, feeds)
    const [status] = await readStatuses()
    assert.deepEqual([status!.ngPpm, status!.disagreement], [undefined, undefined])
    await closeLots({
      services,
      feeds,
      older: [],
      readStatuses,
      report: assert.fail,
      clock: systemClock,
      timeoutMs: 10_000,
      abandon: assert.fail,
      onClosing: () => void calls.push('last shown'),
    })
    assert.deepEqual(calls.slice(-2), ['last shown', 'close line-1'])
  })

  it('reports and checks the lots that somebody else has put on a line during the run, and closes none of them', async () => {
    for (const balanced of [true, false]) {
      const { services, calls, lots } = createIdleServices()
      let own: FakeLot | undefined
      const feed = (options: LineFeedOptions) => {
        const calm = createCalmFeed(options)
        if (options.line === 'line-1') {
          own = lots.find(({ id }) => id === options.lot)
          Object.assign(own!, closed)
          const mes = { line: 'line-1', externalJobId: 'JOB-7', reconciliation: { found: 60n } }
          lots.push({ ...mes, id: 'LOT-41', state: LotState.CLOSING, balanced })
          lots.push({ ...mes, id: 'LOT-42', state: LotState.OPEN, balanced })
        }
        calm.stop()
        return calm
      }
      const { exits, errors, reports } = await run(services, feed)
      assert.deepEqual(
        reports
          .slice(0, 3)
          .map((text) => JSON.parse(text))
          .map(({ lot, isOpen, truth }) => [lot, isOpen, truth]),
        [
          [own!.id, false, null],
          ['LOT-41', false, null],
          ['LOT-42', true, null],
        ],
      )
      assert.equal(JSON.parse(reports[3]!).line, 'line-2')
      assert.ok(!calls.includes('close LOT-42'), `${calls}`)
      assert.deepEqual(exits, [balanced ? 0 : 1])
      if (!balanced) assert.match(errors, /The counts of LOT-42 do not balance/)
    }
  })

  /** A line that has ended its run; `happen` is called before the first has. */
  const createFeed = (happen: () => void) => (options: LineFeedOptions) => {
    const calm = createCalmFeed(options)
    if (options.line === 'line-1') happen()
    calm.stop()
    return { ...calm, truth: () => ({ pellets: 120, ng: 0, subSize: 0 }) }
  }

  it('ends well in a lot that an earlier run has left unbalanced, also where it is closed meanwhile, unless it has lost something itself', async () => {
    const counts = { found: 100n, classified: 90n, strips: 10n }
    const added = { found: 160n, classified: 150n, strips: 16n }
    for (const state of [LotState.OPEN, LotState.CLOSING, LotState.CLOSED]) {
      for (const [strips, code] of [
        [16n, 0],
        [17n, 1],
      ] as const) {
        const { services, calls, lots } = createIdleServices()
        const left = { ...open, id: 'LOT-42', line: 'line-1', externalJobId: 'JOB-7', balanced: false }
        lots.push({ ...left, reconciliation: counts, stripsStamped: 10n })
        const happen = () => void lots.splice(2, 1, { ...left, state, reconciliation: added, stripsStamped: strips })
        const { exits, errors, remarks } = await run(services, createFeed(happen))
        assert.deepEqual(exits, [code], errors)
        assert.ok(!calls.includes('close LOT-42'), `${calls}`)
        if (code === 1) assert.match(errors, /The counts of LOT-42 do not balance/)
        else assert.match(remarks, /LOT-42 does not balance for what was in it before; what this run added to it does/)
      }
    }
  })

  it('ends well in a lot of before that balanced until it was closed, but not where it has come out of balance while open', async () => {
    for (const [state, code] of [
      [LotState.CLOSED, 0],
      [LotState.OPEN, 1],
    ] as const) {
      const { services, lots } = createIdleServices()
      const left = { ...open, id: 'LOT-42', line: 'line-1', externalJobId: 'JOB-7' }
      lots.push(left)
      const { exits } = await run(
        services,
        createFeed(() => void lots.splice(2, 1, { ...left, state, balanced: false })),
      )
      assert.deepEqual(exits, [code])
    }
  })

  it('gives the figures of a lot that was closed during the run for its own time, and reports and names what went to no lot', async () => {
    const { services, findLot, lots } = createIdleServices()
    const closedUnixNs = BigInt(Math.round((performance.timeOrigin + 100) * 1e6))
    findLot('unassigned-line-1').reconciliation = { found: 1000n }
    const happen = () => {
      const own = lots.at(-1)!
      Object.assign(own, closed, { closedUnixNs, reconciliation: { found: 60n } })
      findLot('unassigned-line-1').reconciliation = { found: 1060n, classified: 60n }
    }
    const { exits, remarks, reports } = await run(services, createFeed(happen))
    const read = reports.map((text) => JSON.parse(text))
    assert.deepEqual(
      read.map(({ lot, isOpen, pelletsPerSecond, truth }) => [lot.slice(0, 17), isOpen, pelletsPerSecond, truth]),
      [
        [read[0].lot.slice(0, 17), false, 600, null],
        ['unassigned-line-1', true, null, null],
        [read[2].lot.slice(0, 17), false, 0, { pellets: 120, ngPpm: 0, subSizePpm: 0 }],
      ],
    )
    assert.match(remarks, /60 pellets of line-1 were counted in unassigned-line-1: no lot was open while they passed/)
    assert.deepEqual(exits, [0])
  })

  it('waits with the judgement of an open lot for strips that are on their way to it from another camera', async () => {
    const { services, calls, lots } = createIdleServices()
    const mes: FakeLot = { ...open, id: 'LOT-42', line: 'line-1', externalJobId: 'JOB-7' }
    let balancedAtMs = Number.POSITIVE_INFINITY
    Object.defineProperty(mes, 'balanced', { enumerable: true, get: () => performance.now() > balancedAtMs })
    const happen = () => {
      balancedAtMs = performance.now() + 300
      Object.assign(lots.at(-1)!, closed)
      lots.push(mes)
    }
    const { exits, errors } = await run(services, createFeed(happen))
    assert.deepEqual(exits, [0], errors)
    assert.ok(!calls.includes('close LOT-42'), `${calls}`)
  })
})
