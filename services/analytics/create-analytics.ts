import { type Alert, AlertKindSchema } from '../gen/pelletline/events/v1/events_pb.ts'
import type { Estimate, Reconciliation } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { Bus, Subscription } from '../shared/bus/bus.ts'
import { consumeTopic } from '../shared/bus/messages.ts'
import { topics } from '../shared/bus/topics.ts'
import { parseConfig } from '../shared/config/load-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import { type ReadTime, readDatabaseTime, type Store } from '../shared/store/index.ts'
import { currentSpan, withoutSpan } from '../shared/telemetry/current-span.ts'
import { enumName } from '../shared/telemetry/enum-name.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import { metrics } from '../shared/telemetry/names.ts'
import { noTelemetry, type Telemetry } from '../shared/telemetry/telemetry.ts'
import { createAlertBook, formatAlertId, toAlert } from './alerts/alert-book.ts'
import { createAlertService } from './alerts/alert-service.ts'
import { createBookFollower } from './alerts/follow-books.ts'
import { createMonitor, type Monitor } from './alerts/monitor-lines.ts'
import { createChangePublisher } from './alerts/publish-changes.ts'
import { createBookBatch } from './booking/book-batch.ts'
import { checkEntry } from './booking/check-entry.ts'
import type { Booked, BookingEntry } from './booking/entries.ts'
import { createGroupCommit } from './booking/group-commit.ts'
import { createReferenceIds } from './booking/reference-ids.ts'
import { createShapeLimits } from './booking/shape-limits.ts'
import { createChangeSignal } from './change-signal.ts'
import { type AnalyticsOptionsInput, analyticsOptionsSchema } from './config.ts'
import { createLeadKeeper } from './keep-lead.ts'
import { createLineRate, type LineRate } from './line-rate.ts'
import { countUnreported } from './lots/count-unreported.ts'
import { createLotFinder } from './lots/find-lot.ts'
import { type CalibrationOf, disagreementOf, ngPpm } from './lots/lot-figures.ts'
import { createLotReader } from './lots/lot-reader.ts'
import { createLotService } from './lots/lot-service.ts'
import { toReconciliation } from './lots/read-lots.ts'
import { settleClosing } from './lots/settle-closing.ts'
import { createBookingRecorder } from './record-bookings.ts'
import { createAssignmentsView } from './registry/assignments-view.ts'
import { toRecipeSettings } from './registry/configured-recipe.ts'
import { createModelService } from './registry/models/model-service.ts'
import { ensureRecipe } from './registry/recipes.ts'
import { createRegistryService } from './registry/registry-service.ts'
import { keepRetention } from './retention/keep-retention.ts'
import { findAudits } from './traces/find-audits.ts'
import { createTraceKeeper } from './traces/keep-traces.ts'
import { createTraceService } from './traces/trace-service.ts'
import { createBookWatch } from './watch-books.ts'

export interface CreateAnalyticsOptions {
  readonly plant: string
  readonly bus: Bus
  /** Opened and closed by the caller, after the drain. */
  readonly database: Store
  readonly clock: Clock
  /** The clock of all who share the database; that of its server where absent. */
  readonly readTime?: ReadTime
  readonly logger: Logger
  readonly calibrationOf: CalibrationOf
  readonly options?: AnalyticsOptionsInput
  /** None where absent. */
  readonly telemetry?: Telemetry
}

/** What a line does now; figures are those of the lot in force. */
export interface LineReport {
  readonly line: string
  readonly lot: string
  /** Pellets found, over the last seconds of booking. */
  readonly pelletsPerSecond: number
  readonly ngPpm: Estimate
  readonly ngPpmCorrected?: Estimate
  readonly audited: number
  readonly disagreement: Estimate
  readonly rowsLost: bigint
  /** Alerts of the line that are not resolved. */
  readonly alerts: readonly Alert[]
  readonly reconciliation: Reconciliation & { readonly balanced: boolean }
}

/** The books of a plant. */
export interface Analytics {
  /** TraceService, LotService, AlertService, RegistryService and ModelService. */
  readonly implementations: readonly ServiceImplementation[]
  /** Takes up where the books stand and begins to book. */
  start(): Promise<void>
  /** Ends the watches, books what is in hand within `timeoutMs`, settles lots and alerts. */
  drain(timeoutMs: number): Promise<void>
  /** Throws `not_found` for a line that is not known. */
  lineReport(line: string): Promise<LineReport>
}

/** Name of the consumer group on topics `verdicts` and `audits`. */
export const analyticsGroup = 'analytics'
/** How often lots in closing and unpublished alerts are looked at, ms. */
const tickMs = 500
/** Newest strip parts that the windows are filled from by an analytics that takes the lead. */
const fillWindowsBy = 10_000
/** How long the assignments that were read hold; watches look as often, so what another analytics changes is seen within a second. */
const assignmentsMaxAgeNs = 500_000_000n

/**
 * Creates analytics: it keeps lots, lines, recipes, the books and the alerts of a plant. Every pellet is counted exactly
 * once, however often and in which order its messages come.
 */
export function createAnalytics(dependencies: CreateAnalyticsOptions): Analytics {
  const { plant, bus, database, clock, logger, calibrationOf, telemetry = noTelemetry } = dependencies
  const { readTime = readDatabaseTime } = dependencies
  const { db } = database
  const options = parseConfig(analyticsOptionsSchema, dependencies.options ?? {}, 'options of analytics')
  const firstRecipe = toRecipeSettings(options.defaultRecipe)
  const defaultRecipeId = options.defaultRecipe.id
  const nowNs = () => clock.nowNs()
  /** Ages and patience are measured by it: it does not step where the machine's time is set. */
  const nowMs = () => Number(nowNs() / 1_000_000n)

  const assignments = createChangeSignal()
  const booked = createChangeSignal()
  const alertChanges = createChangeSignal()
  const closing = new AbortController()

  const ids = createReferenceIds(db)
  const findLot = createLotFinder({
    db,
    defaultRecipeId,
    nowNs,
    onCreated: (lot) => {
      logger.warn({ lot: lot.name, line: lot.line }, 'strips name a lot that the books did not know; it was created')
      assignments.notify()
    },
  })
  const shapeLimitsOf = createShapeLimits({
    db,
    onUnknown: (recipe, version) =>
      logger.warn(
        { recipe, recipeVersion: version },
        'strips name a recipe that the books do not know; their pellets are counted without a class of shape',
      ),
  })
  const alertBook = createAlertBook({ plant, db, bus, nowNs, changes: alertChanges })

  const view = createAssignmentsView({ db, changes: assignments, nowNs, maxAgeNs: assignmentsMaxAgeNs })
  const lots = createLotReader(db, calibrationOf)
  const alertsRaised = telemetry.counter(metrics.alertsRaised)
  const monitor = createMonitor({
    db,
    book: alertBook,
    settings: options.alerts,
    recipeOf: async (line) => (await view.of(line))?.recipe,
    nowMs,
    onRaised: (line, kind) => alertsRaised.add(1, { line, kind: enumName(AlertKindSchema, kind) }),
  })
  const follower = createBookFollower(db)
  const retentionLead = createLeadKeeper({ database, name: 'retention', nowMs })
  const lead = createLeadKeeper({
    database,
    name: 'watch',
    nowMs,
    async onGained() {
      await monitor.restore(await follower.restart(fillWindowsBy))
    },
    onLost: () => monitor.forget(),
  })
  const stillLeads = () => lead.stillLeads()
  const publisher = createChangePublisher({ book: alertBook, stillLeads, logger, signal: closing.signal })
  const record = createBookingRecorder(telemetry, clock)
  const releaseGauges = watchLines(telemetry, monitor)
  const traces = telemetry.tracing
    ? createTraceKeeper({
        telemetry,
        settings: options.traces,
        nowMs,
        nowNs,
        alertsOf: async (line) => (await alertBook.listUnresolved(line)).map((row) => formatAlertId(row.alert_id)),
        findAudits: (parts) => findAudits(db, parts),
      })
    : undefined

  const watch = createBookWatch({
    isLeading: () => lead.isLeading(),
    follower,
    monitor,
    onRound: () => traces?.flush(),
    async settle() {
      await countUnreported(db)
      const { closed, givenUp } = await settleClosing(db, { readTime, nowNs: nowNs() }, options.closing)
      for (const lot of closed) logger.info({ lot }, 'lot closed')
      for (const lot of givenUp) logger.warn({ lot }, 'lot closed although strips have not been reported or counted')
      publisher.wake()
    },
    onFailed: (reason) => {
      // The next round, at the latest at the next tick, does the same work again.
      if (!closing.signal.aborted) logger.error({ err: reason }, 'watching lots and alerts failed')
    },
  })

  const rates = new Map<string, LineRate>()
  const onCommitted = (result: Booked) => {
    const atMs = nowMs()
    for (const { line, found } of result.parts) {
      const rate = rates.get(line) ?? createLineRate(options.rateWindowMs)
      rates.set(line, rate)
      rate.add(found, atMs)
    }
    traces?.observe(result)
    if (result.parts.length > 0) booked.notify()
    if (result.parts.length > 0 || result.audits.length > 0) void watch.look()
  }
  const { maxInFlight, maxEntries, lingerMs } = options.booking
  const bookBatch = createBookBatch({ db, ids, findLot, shapeLimitsOf, nowNs })
  const books = createGroupCommit<BookingEntry, Booked>({
    maxEntries,
    lingerMs,
    async commit(entries) {
      const startNs = nowNs()
      const result = await bookBatch(entries)
      record.commit(entries, startNs)
      record.booked(entries.length, result)
      return result
    },
    onCommitted,
  })
  const book = async (entry: BookingEntry): Promise<void> => {
    checkEntry(entry, plant)
    const startNs = nowNs()
    const traced = { ...entry, trace: currentSpan()?.context }
    // The transaction, and what follows it, is for all that it joins.
    await withoutSpan(() => books.write(traced))
    record.entry(traced, startNs)
  }

  let subscriptions: readonly Subscription[] = []
  let ticking: Promise<void> | undefined
  let retaining: Promise<void> | undefined
  const tick = async () => {
    while (!closing.signal.aborted) {
      await watch.look()
      try {
        await clock.sleep(tickMs, closing.signal)
      } catch (reason) {
        if (!closing.signal.aborted) throw reason
      }
    }
  }

  const services = { db, nowNs, readTime, closing: closing.signal }
  return {
    implementations: [
      createLotService({ ...services, calibrationOf, lots, assignments, booked }),
      createAlertService({ ...services, book: alertBook, changes: alertChanges }),
      createTraceService(db),
      createRegistryService({
        ...services,
        plant,
        ids,
        findLot,
        defaultRecipeId,
        maxLines: options.maxLines,
        assignments,
        assignmentsView: view,
        onSegment: () => void withoutSpan(() => watch.look()),
      }),
      createModelService({ ...services, settleMs: options.modelSettleMs }),
    ],

    async start() {
      if (!(await ensureRecipe(db, firstRecipe, nowNs()))) {
        logger.warn(
          { recipe: defaultRecipeId },
          'the configured default recipe is not a version in the books, whose newest holds; store it by PutRecipe to use it',
        )
      }
      const joining = await Promise.allSettled([
        consumeTopic(bus, {
          topic: topics.verdicts,
          group: analyticsGroup,
          maxInFlight,
          handle: (message) => book({ kind: 'verdicts', message }),
        }),
        consumeTopic(bus, {
          topic: topics.audits,
          group: analyticsGroup,
          maxInFlight,
          handle: (message) => book({ kind: 'audits', message }),
        }),
      ])
      const joined = joining.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
      const refused = joining.find((result) => result.status === 'rejected')
      if (refused !== undefined) {
        // A start that failed may be tried again, and must not find itself in the group.
        await Promise.allSettled(joined.map((subscription) => subscription.drain(0)))
        throw refused.reason
      }
      subscriptions = joined
      ticking = tick()
      const retention = { ...options.retention, database, clock, logger, isLeading: () => retentionLead.isLeading() }
      retaining = keepRetention(retention, closing.signal)
    },

    async drain(timeoutMs) {
      const left = await Promise.allSettled(subscriptions.map((subscription) => subscription.drain(timeoutMs)))
      await books.settle()
      const stop = () => closing.abort(new PelletlineError('unavailable', 'Analytics is stopping.'))
      const patience = setTimeout(stop, timeoutMs)
      await watch.look()
      await publisher.settle()
      clearTimeout(patience)
      stop()
      await ticking
      await watch.idle()
      await publisher.settle()
      await retaining
      await Promise.all([lead.release(), retentionLead.release()])
      await traces?.drain()
      releaseGauges()
      // The books are closed first: what the broker did not take comes again and is counted once.
      const failed = left.find((result) => result.status === 'rejected')
      if (failed !== undefined) throw failed.reason
    },

    async lineReport(line) {
      const assignment = (await view.read()).get(line)
      if (assignment === undefined) {
        throw new PelletlineError('not_found', `Line ${line} is not known. It becomes known when its gateway starts.`)
      }
      const [lot, alerts] = await Promise.all([lots.read(assignment.lot), alertBook.listUnresolved(line)])
      const counts = lot.reconciliation ?? toReconciliation(undefined)
      return {
        line,
        lot: assignment.lot,
        pelletsPerSecond: rates.get(line)?.perSecond(nowMs()) ?? 0,
        ngPpm: lot.ngPpm ?? ngPpm(0n, 0n),
        ...(lot.ngPpmCorrected === undefined ? {} : { ngPpmCorrected: lot.ngPpmCorrected }),
        audited: Number(counts.audited),
        disagreement: lot.disagreement ?? disagreementOf([], counts),
        rowsLost: counts.rowsLost,
        alerts: alerts.map(toAlert),
        reconciliation: { ...counts, balanced: lot.balanced },
      }
    },
  }
}

/** Gauges of the lines that the alert rules watch; returns how to let go of them. */
function watchLines(telemetry: Telemetry, monitor: Monitor): () => void {
  const watched = () => monitor.seenLines().flatMap((line) => monitor.watched(line) ?? [])
  const releases = [
    telemetry.gauge(metrics.alertsActive, () =>
      watched().flatMap(({ line, alerts }) =>
        alerts.map(({ kind }) => ({ value: 1, labels: { line, kind: enumName(AlertKindSchema, kind) } })),
      ),
    ),
    telemetry.gauge(metrics.disagreement, () =>
      watched().flatMap(({ line, disagreement }) =>
        disagreement === undefined ? [] : [{ value: disagreement, labels: { line } }],
      ),
    ),
  ]
  return () => {
    for (const release of releases) release()
  }
}
