import type { CameraStrip, OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripHeader } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { RegistryService } from '../gen/pelletline/registry/v1/registry_pb.ts'
import type { SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createNotifier, type Notifier } from '../shared/queue/notifier.ts'
import type { ServiceClient } from '../shared/rpc/types.ts'
import type { Clock } from '../shared/service/clock.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import type { BlockEncoder } from './block-encoder.ts'
import { checkResumedOpening } from './check-camera-strip.ts'
import type { CameraGatewayOptions } from './config.ts'
import { createRun, type Run } from './create-run.ts'
import { linkSegmentation } from './link-segmentation.ts'
import { type Calibrations, calibrationKey, checkCalibratedOpening } from './load-calibrations.ts'
import type { IntakeRecorder } from './record-intake.ts'
import { createSegmentReporter } from './report-segments.ts'
import { watchAssignment } from './watch-assignment.ts'

export interface LineIntakeOptions {
  readonly plant: string
  readonly line: string
  readonly registry: ServiceClient<typeof RegistryService>
  readonly segmentation: ServiceClient<typeof SegmentationService>
  readonly clock: Clock
  readonly logger: Logger
  readonly calibrations: Calibrations
  readonly options: CameraGatewayOptions
  /** Makes strips sparse; where absent they are kept and sent whole. */
  readonly encoder: BlockEncoder | undefined
  /** Told of every strip that is taken. */
  readonly record: IntakeRecorder
}

/** What a camera side may forget, and send. */
export interface PendingAcknowledgement {
  readonly nextStrip: bigint
  readonly durableBelow: bigint
  readonly credits: number
}

/** One open stream of a line. */
export interface IntakeSession {
  readonly run: Run
  /** Woken whenever there may be something to acknowledge, or to end for. */
  readonly notifier: Notifier
  /** Strip to send next, and credits, for the opening's answer. */
  readonly opened: { readonly nextStrip: bigint; readonly credits: number }
  /** Takes a strip, which spends a credit; waits until there is room for its bytes, and for the line's first assignment. Throws what `checkCameraStrip` throws, and `resource_exhausted` without a credit. */
  take(strip: CameraStrip, signal: AbortSignal): Promise<void>
  /** Header of the next strip whose stamp the camera side is to be told, before segmentation has the strip; `told` says that it was. */
  nextStamp(): StripHeader | undefined
  told(stamp: StripHeader): void
  /** What has changed since the last call; undefined where nothing has. */
  acknowledge(): PendingAcknowledgement | undefined
  close(): void
}

/** The intake of one line: at most one stream, one run after the other. */
export interface LineIntake {
  /** Opens or resumes a run; `already_exists` while another stream is open, with a time to come back where it is the run's own, else what checking the opening throws. */
  open(open: OpenIntake): IntakeSession
  /** The run in progress, or the last one. */
  readonly run: Run | undefined
  /** Strips of all runs of the line that are not durable. */
  readonly inFlight: number
  /** Lot in force; empty before the first assignment. */
  readonly lot: string
  readonly notifier: Notifier
  /** Stops, once: links end, what is durable of the lot segments is reported within timeoutMs, or logged as not reported. */
  stop(timeoutMs: number): Promise<void>
}

/** Names of ended runs that are remembered, so that one is not taken for a new run. */
const maxEndedRuns = 64

/**
 * Why a line takes no second stream. Only a camera side whose own stream broke unseen is asked to come back: one that waited
 * for another run's stream would get the line at its first break, and that run would be over.
 */
function busy({ line, camera, run }: OpenIntake, opening: OpenIntake): PelletlineError {
  const inTheWay = `run ${run} of camera ${camera}`
  if (opening.camera === camera && opening.run === run) {
    const message = `Line ${line} still has the last stream of ${inTheWay}, whose end has not been seen yet; open it again in a moment.`
    return new PelletlineError('already_exists', message, { retryAfterMs: 500 })
  }
  return new PelletlineError('already_exists', `Line ${line} has an open stream, ${inTheWay}; close it first.`)
}

/** Creates the intake of a line; it begins to watch the assignment of the line at once. */
export function createLineIntake(setup: LineIntakeOptions): LineIntake {
  const { plant, line, registry, segmentation, clock, calibrations, options } = setup
  const logger = setup.logger.child({ line })
  const { creditLimit, maxBytesPerLine, retryFirstMs, retryMaxMs } = options
  const notifier = createNotifier()
  const stopping = new AbortController()
  const links = new Set<Promise<void>>()
  /** Runs with strips that are not acknowledged: the one in progress, and those before it. */
  const linked = new Set<Run>()
  const endedRuns = new Set<string>()
  const reporter = createSegmentReporter({ registry, clock, logger, retryFirstMs, retryMaxMs })
  let run: Run | undefined
  let session: IntakeSession | undefined
  /** Streams that have ended. */
  let closes = 0
  /** Strips that are received and wait for room, or for the first assignment; the stream is read no further meanwhile. */
  let waiting = 0

  const watch = watchAssignment({
    line,
    registry,
    clock,
    logger,
    retryFirstMs,
    retryMaxMs,
    onChange({ lot }) {
      // A lot that ends while no strip comes is reported now and not with the next strip, which may be hours away.
      void reporter.report(run?.closeSegment(lot) ?? [])
    },
  })

  const inFlight = () => waiting + [...linked].reduce((sum, entry) => sum + entry.kept.inFlight, 0)

  const bytesInFlight = () => [...linked].reduce((sum, entry) => sum + entry.kept.bytesInFlight, 0)
  const hasRoom = (bytes: number) => bytesInFlight() === 0 || bytesInFlight() + bytes <= maxBytesPerLine

  function startLink(entry: Run): void {
    linked.add(entry)
    const signal = AbortSignal.any([stopping.signal, entry.abandoned])
    const link = linkSegmentation(entry, { segmentation, clock, logger, retryFirstMs, retryMaxMs }, signal)
      .catch((reason) => {
        const error = PelletlineError.from(reason)
        logger.error({ run: entry.name, code: error.code }, `run given up, its strips are lost: ${error.message}`)
        entry.fail(error)
        // The lot is told of its strips all the same, so that it shows that some are missing.
        void reporter.report(entry.closeSegment(undefined))
      })
      .finally(() => {
        linked.delete(entry)
        links.delete(link)
        notifier.notify()
      })
    links.add(link)
  }

  /** Ends the run that a new one replaces; its open pellets are closed as cut. */
  function replaceRun(old: Run): void {
    endedRuns.add(old.name)
    for (const name of endedRuns) {
      if (endedRuns.size <= maxEndedRuns) break
      endedRuns.delete(name)
    }
    // Its camera side has gone on to another run and sends nothing of it again.
    old.kept.hold(undefined)
    if (old.ended() || old.failure !== undefined) return
    const { current } = watch
    if (old.counters.strips === 0n || current === undefined) {
      old.abandon()
      return
    }
    logger.warn({ run: old.name }, 'run was not ended by the camera; closing it with a strip without rows')
    void reporter.report(old.finish(clock.nowNs(), current))
  }

  function enter(open: OpenIntake): Run {
    const name = `${plant}/${line}/${open.camera}/${open.run}`
    if (run?.name === name) {
      if (run.failure !== undefined) {
        const message = `Run ${name} was given up: ${run.failure.message} Open a run with a new name.`
        throw new PelletlineError('failed_precondition', message, { cause: run.failure })
      }
      checkResumedOpening(open, run.open)
      if (open.firstStrip > run.kept.nextStrip) {
        const message = `Run ${name} is to be resumed at strip ${open.firstStrip}, but strip ${run.kept.nextStrip} is expected; send from there or open a run with a new name.`
        throw new PelletlineError('failed_precondition', message)
      }
      return run
    }
    if (endedRuns.has(name)) {
      const message = `Run ${name} ended when another run began on line ${line}; open a run with a new name.`
      throw new PelletlineError('failed_precondition', message)
    }
    const calibration = calibrations.get(calibrationKey(line, open.camera))
    if (calibration !== undefined) checkCalibratedOpening(open, calibration)
    const { encoder } = setup
    const next = createRun({ plant, open, calibration: calibration?.profile, options, encoder, logger, notifier })
    if (run !== undefined) replaceRun(run)
    run = next
    startLink(next)
    logger.info({ run: name, firstStrip: Number(open.firstStrip), width: open.width }, 'run opened')
    return next
  }

  /** A camera side that comes back is told the stamps that it was not; what it sent is segmented in any case, if not told then later. */
  async function releaseLater(entry: Run): Promise<void> {
    const closesThen = closes
    try {
      await clock.sleep(options.untoldWaitMs, stopping.signal)
    } catch {
      // The gateway stops: the camera side sends those strips to the next one, which stamps them first.
      return
    }
    // Another stream has opened since, or has come and gone and is waited for itself.
    if (session?.run === entry || closes !== closesThen) return
    entry.kept.hold(undefined)
    notifier.notify()
  }

  function openSession(entry: Run, { firstStrip, keepsStamps }: OpenIntake): IntakeSession {
    let closed = false
    /** Stamps of strips below were told; undefined: the camera side keeps none. */
    let toldBelow = keepsStamps ? firstStrip : undefined
    entry.kept.hold(toldBelow)
    let available = Math.max(0, creditLimit - inFlight())
    let repeated = false
    let last: PendingAcknowledgement = { nextStrip: 0n, durableBelow: 0n, credits: 0 }
    const opened = { nextStrip: entry.kept.nextStrip, credits: available }

    return {
      run: entry,
      notifier,
      opened,
      async take(strip, signal) {
        if (available === 0) {
          const message = `Strip ${strip.strip} of run ${entry.name} came without a credit; wait for an acknowledgement that grants one.`
          throw new PelletlineError('resource_exhausted', message, { retryAfterMs: 100 })
        }
        if (entry.check(strip) === 'repeated') {
          available--
          repeated = true
          notifier.notify()
          return
        }
        const receivedUnixNs = clock.nowNs()
        available--
        waiting++
        try {
          const over = () => closed || signal.aborted || entry.failure !== undefined
          while (!over() && !hasRoom(strip.pixels.length)) await notifier.changed(signal)
          if (over()) return
          const assignment = await watch.get(signal)
          if (over()) return
          const { header, ended } = entry.take(strip, receivedUnixNs, assignment)
          setup.record({ plant, open: entry.open, strip, lot: header.lot, receivedUnixNs })
          await reporter.report(ended)
        } finally {
          waiting--
          notifier.notify()
        }
      },
      nextStamp() {
        if (toldBelow === undefined) return undefined
        const { acknowledgedBelow } = entry.kept
        if (toldBelow < acknowledgedBelow) toldBelow = acknowledgedBelow
        return entry.kept.get(toldBelow)?.header
      },
      told({ key }) {
        toldBelow = key!.strip + 1n
        entry.kept.hold(toldBelow)
        notifier.notify()
      },
      acknowledge() {
        const { acknowledgedBelow: nextStrip, durableBelow } = entry.kept
        const credits = Math.max(0, creditLimit - inFlight() - available)
        const same = nextStrip === last.nextStrip && durableBelow === last.durableBelow
        if (same && credits === 0 && !repeated) return undefined
        repeated = false
        available += credits
        last = { nextStrip, durableBelow, credits }
        return last
      },
      close() {
        closed = true
        session = undefined
        closes++
        if (toldBelow !== undefined) void releaseLater(entry)
        notifier.notify()
      },
    }
  }

  return {
    open(open) {
      if (session !== undefined) {
        throw busy(session.run.open, open)
      }
      session = openSession(enter(open), open)
      return session
    },
    get run() {
      return run
    },
    get inFlight() {
      return inFlight()
    },
    get lot() {
      return watch.current?.lot ?? ''
    },
    notifier,
    async stop(timeoutMs) {
      if (stopping.signal.aborted) return
      watch.stop()
      // Not awaited: the queue may be full, and the drain gives it its time.
      if (run !== undefined) void reporter.report(run.durableSegment())
      await reporter.drain(timeoutMs)
      stopping.abort(new PelletlineError('cancelled', 'The gateway is shutting down.'))
      await Promise.all(links)
    },
  }
}
