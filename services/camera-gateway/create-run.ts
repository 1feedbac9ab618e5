import type { CameraStrip, OpenIntake } from '../gen/pelletline/camera/v1/camera_pb.ts'
import type { StripHeader, StripKey } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import type { SegmentStripsResponse } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import type { CalibrationProfile } from '../shared/calibration/calibration-profile.ts'
import type { PelletlineError } from '../shared/errors/pelletline-error.ts'
import type { Notifier } from '../shared/queue/notifier.ts'
import type { Logger } from '../shared/telemetry/logger.ts'
import type { BlockEncoder } from './block-encoder.ts'
import { createBufferPool } from './buffer-pool.ts'
import { checkCameraStrip } from './check-camera-strip.ts'
import type { CameraGatewayOptions } from './config.ts'
import { createPixelConversion } from './convert-pixels.ts'
import { createAreaFollower, type StripSize } from './follow-area.ts'
import { createDirtFollower } from './follow-dirt.ts'
import { createLightFollower, type StripLight } from './follow-light.ts'
import { createPixelKeeper } from './keep-pixels.ts'
import { createKeptStrips, type KeptStrips } from './kept-strips.ts'
import { createChangeLog } from './log-changes.ts'
import type { ColumnSpan } from './merge-columns.ts'
import type { LotSegment } from './report-segments.ts'
import { restoreHeader, type StripFacts, speckContrastOf, stampHeader } from './stamp-header.ts'
import { createSpeckStatement } from './state-smallest-speck.ts'
import type { Assignment } from './watch-assignment.ts'

export interface RunOptions {
  readonly plant: string
  readonly open: OpenIntake
  /** Of the camera, checked against the opening; undefined where there is none. */
  readonly calibration: CalibrationProfile | undefined
  readonly options: CameraGatewayOptions
  /** Makes strips sparse; where absent they are kept and sent whole. */
  readonly encoder: BlockEncoder | undefined
  readonly logger: Logger
  /** Woken whenever anything of the run changes. */
  readonly notifier: Notifier
}

/** Counters of a run since it was opened at this gateway; strips that were durable before are not among them. */
export interface RunCounters {
  readonly rowsAcquired: bigint
  readonly rowsLost: bigint
  readonly strips: bigint
}

/** What came of a strip that was taken. */
export interface TakenStrip {
  readonly header: StripHeader
  /** The lot segments that ended before it, or with it. */
  readonly ended: LotSegment[]
}

/** One run of a camera: takes its strips in order, stamps them, keeps them until they are acknowledged. */
export interface Run {
  /** `plant/line/camera/run`. */
  readonly name: string
  readonly open: OpenIntake
  readonly kept: KeptStrips
  readonly notifier: Notifier
  readonly counters: RunCounters
  readonly light: StripLight
  readonly size: StripSize
  readonly dirtyColumns: readonly ColumnSpan[]
  /** Name of the calibration by which pixels are corrected; empty: none. */
  readonly calibration: string
  /** Smallest speck (a90/95) stamped last, px; without a calibration that of usual optics. 0 before the first strip. */
  readonly smallestSpeckPx: number
  /** Why segmentation does not go on with the run. */
  readonly failure: PelletlineError | undefined
  ended(): boolean
  /** Checks a strip against the run; throws what `checkCameraStrip` throws. */
  check(strip: CameraStrip): 'next' | 'repeated'
  /** Takes the next strip; one that was stamped before keeps its stamp. */
  take(strip: CameraStrip, receivedUnixNs: bigint, assignment: Assignment): TakenStrip
  /** Ends a run that the camera does not go on with, by a last strip without rows; the open pellets are closed by it. */
  finish(nowNs: bigint, assignment: Assignment): LotSegment[]
  /** The lot segment in progress is over, where its lot is another than `lot`. */
  closeSegment(lot: string | undefined): LotSegment[]
  /** What of the lot segment in progress is durable; the rest will be sent again to another gateway. */
  durableSegment(): LotSegment[]
  onAnswer(answer: SegmentStripsResponse): void
  /** Aborted once the run is given up before any strip of it was taken that had not been durable. */
  readonly abandoned: AbortSignal
  abandon(): void
  fail(error: PelletlineError): void
}

/** Creates a run from its opening. */
export function createRun(setup: RunOptions): Run {
  const { plant, open, calibration, options, logger, notifier } = setup
  const name = `${plant}/${open.line}/${open.camera}/${open.run}`
  const conversion = createPixelConversion(open.pixelFormat, open.polarity, calibration)
  const format = { width: open.width, bytesPerPixel: conversion.bytesPerPixel }
  const pool = createBufferPool({ limit: options.creditLimit, maxBytes: options.maxBytesPerLine })
  const keeper = createPixelKeeper({ conversion, pool, encoder: setup.encoder })
  const kept = createKeptStrips(open.firstStrip, open.durableBelow, keeper.release)
  const light = createLightFollower({ memoryStrips: options.lightMemoryStrips })
  const area = createAreaFollower({ window: options.areaWindow, minSamples: options.areaMinSamples })
  const dirt = createDirtFollower(open.width)
  const changes = createChangeLog(logger, name)
  const smallestSpeckOf = createSpeckStatement(options, calibration)
  let smallestSpeckPx = 0
  const durableBefore = kept.durableBelow
  let nextRow: bigint | undefined = open.firstStrip === 0n ? 0n : undefined
  let ended = false
  /** Whether it has been reported that the run was begun at another gateway. */
  let takenUp = durableBefore === 0n
  let failure: PelletlineError | undefined
  let counters: RunCounters = { rowsAcquired: 0n, rowsLost: 0n, strips: 0n }
  let segment: { first: StripKey; strips: bigint; lot: string; durableBefore: bigint } | undefined
  /** Recipe to which the areas belong that the median is taken over, as `id@version`. */
  let areaRecipe: string | undefined
  let encoder = 0n
  const abandoning = new AbortController()

  function closeSegment(lot: string | undefined): LotSegment[] {
    if (segment === undefined || segment.lot === lot) return []
    const closed = segment
    segment = undefined
    return [closed]
  }

  function append(
    facts: StripFacts,
    pixels: Uint8Array,
    receivedUnixNs: bigint,
    assignment: Assignment,
    stamped?: StripHeader,
  ): TakenStrip {
    const recipe = `${assignment.recipe.id}@${assignment.recipe.version}`
    if (recipe !== areaRecipe) area.restart(assignment.recipe.nominalAreaPx)
    areaRecipe = recipe
    const stripLight = light.follow(pixels, open.width)
    dirt.follow(pixels, stripLight)
    changes.state('light', stripLight.state, stripLight.reason)
    changes.dirt(dirt.dirtyColumns)
    const contrast = speckContrastOf(assignment.recipe)
    smallestSpeckPx = smallestSpeckOf({ contrast, pelletAreaPx: assignment.recipe.nominalAreaPx })
    const stamp = {
      plant,
      open,
      assignment,
      light: stripLight,
      size: area.size,
      dirtyColumns: dirt.dirtyColumns,
      smallestSpeckPx,
      calibration: calibration?.name ?? '',
    }
    const fresh = stampHeader(facts, stamp)
    const header = stamped === undefined ? fresh : restoreHeader(stamped, fresh)
    const { lot } = header
    const known = facts.strip < durableBefore
    const closed = known ? [] : closeSegment(lot)
    if (!takenUp) {
      // Told at once: the lot of what another gateway stamped may have ended by now, or all of the run be durable.
      takenUp = true
      closed.push({ first: header.key!, strips: 0n, lot, durableBefore })
    }
    if (!known) {
      counters = {
        rowsAcquired: counters.rowsAcquired + BigInt(facts.rows),
        rowsLost: counters.rowsLost + facts.rowsLostBefore,
        strips: counters.strips + 1n,
      }
      segment ??= { first: header.key!, strips: 0n, lot, durableBefore }
      segment.strips++
      // A stamp's lot may have ended meanwhile; its segment does not wait for the next strip, which may be hours away.
      closed.push(...closeSegment(assignment.lot))
    }
    nextRow = facts.firstRow + BigInt(facts.rows)
    ended = facts.runEnds
    encoder = facts.encoder
    kept.add({ number: facts.strip, header, ...keeper.keep(header), receivedUnixNs, durable: known, settled: false })
    if (ended) closed.push(...closeSegment(undefined))
    notifier.notify()
    return { header, ended: closed }
  }

  return {
    name,
    open,
    kept,
    notifier,
    get counters() {
      return counters
    },
    get light() {
      return light.light
    },
    get size() {
      return area.size
    },
    get dirtyColumns() {
      return dirt.dirtyColumns
    },
    calibration: calibration?.name ?? '',
    get smallestSpeckPx() {
      return smallestSpeckPx
    },
    get failure() {
      return failure
    },
    ended: () => ended,
    check(strip) {
      const { line, camera, run } = open
      const position = { line, camera, run, nextStrip: kept.nextStrip, nextRow, ended }
      return checkCameraStrip(strip, position, format)
    },
    take(strip, receivedUnixNs, assignment) {
      const pixels = keeper.convert(strip.pixels)
      const { firstRow, rows, rowsLostBefore, exposedUnixNs, encoder: count, runEnds } = strip
      const facts = { strip: strip.strip, firstRow, rows, rowsLostBefore, exposedUnixNs, encoder: count, runEnds }
      return append(facts, pixels, receivedUnixNs, assignment, strip.stamp)
    },
    finish(nowNs, assignment) {
      const facts = {
        strip: kept.nextStrip,
        firstRow: nextRow ?? 0n,
        rows: 0,
        rowsLostBefore: 0n,
        exposedUnixNs: nowNs,
        encoder,
        runEnds: true,
      }
      return append(facts, keeper.convert(new Uint8Array(0)), nowNs, assignment).ended
    },
    closeSegment,
    durableSegment() {
      if (segment === undefined) return []
      const strips = segment.strips - BigInt(kept.inFlight)
      return strips > 0n ? [{ ...segment, strips }] : []
    },
    onAnswer(answer) {
      const first = kept.settle(answer.strip, answer.nextStrip)
      if (first === undefined) return
      // Areas of another recipe say nothing about the pellets of this one.
      if (`${first.header.recipe}@${first.header.recipeVersion}` === areaRecipe) {
        area.take(answer.singleAreaPx)
        changes.state('size', area.size.state, area.size.reason)
      }
    },
    abandoned: abandoning.signal,
    abandon() {
      kept.drop()
      abandoning.abort()
      notifier.notify()
    },
    fail(error) {
      failure = error
      kept.drop()
      notifier.notify()
    },
  }
}
