import type { AuditsMessage, VerdictsMessage } from '../../gen/pelletline/events/v1/events_pb.ts'
import { Outcome, OutcomeSchema, Verdict } from '../../gen/pelletline/inspection/v1/inspection_pb.ts'
import { verdictsDisagree } from '../../shared/inspection/verdicts-disagree.ts'
import { enumName } from '../../shared/telemetry/enum-name.ts'
import { metrics } from '../../shared/telemetry/names.ts'
import { formatStripName, type StripNameParts } from '../../shared/telemetry/strip-trace.ts'
import type { Telemetry } from '../../shared/telemetry/telemetry.ts'
import type { Booked } from '../booking/entries.ts'
import { choosePellets } from './choose-pellets.ts'
import { lastBookedNs } from './pellet-stages.ts'
import { createTokenBucket } from './token-bucket.ts'
import { type PelletAudit, type TracedPellet, type TraceReason, toPelletSpans } from './write-pellet-spans.ts'

export interface TraceSettings {
  /** Share 0..1 of all pellets whose traces are kept at random. */
  readonly share: number
  /** From exposure to booking, ms: a part that took longer is late. */
  readonly lateMs: number
  /** How long a pellet's trace waits for its audit, ms. */
  readonly auditTimeoutMs: number
  /** Most traces written in a second; what comes beyond is counted. */
  readonly perSecond: number
  /** Most parts that may wait for their audits, the oldest is written without; and most that may wait to be written. */
  readonly maxWaiting: number
}

/** What the teachers said of the sampled pellets of a part. */
export interface PartAudit {
  readonly items: readonly {
    readonly index: number
    readonly studentVerdict: Verdict
    readonly teacherVerdict: Verdict
    readonly ensembleScoreNg: number
  }[]
  readonly takenNs: bigint
  readonly endedNs: bigint
  readonly bookedNs: bigint
}

/** Names a part, with the pellets that it holds. */
export interface PartName {
  readonly strip: StripNameParts
  readonly firstIndex: number
  readonly count: number
}

export interface TraceKeeperOptions {
  readonly telemetry: Telemetry
  readonly settings: TraceSettings
  readonly nowMs: () => number
  readonly nowNs: () => bigint
  /** Names of the unresolved alerts of a line, by the books: another analytics on the same database may have raised them. */
  readonly alertsOf: (line: string) => Promise<readonly string[]>
  /** Looks into the books for the audits of parts, in their order: another analytics on the same database may have booked them. */
  readonly findAudits: (parts: readonly PartName[]) => Promise<readonly (PartAudit | undefined)[]>
}

/** Most parts whose audits are looked up at once. */
const searchParts = 64

/** Writes the traces of kept pellets once what becomes of them is known. */
export interface TraceKeeper {
  /** Takes what was booked. */
  observe(booked: Booked): void
  /** Writes what is known, or has waited long enough; to be called once the alert rules have seen what was booked. Does not reject. */
  flush(): Promise<void>
  /** Writes all that waits. */
  drain(): Promise<void>
}

/** A part, as far as its pellets' traces need it. */
interface Part {
  readonly message: Pick<VerdictsMessage, 'header' | 'part' | 'firstIndex' | 'outcome' | 'margin' | 'threshold'>
  readonly model: string
  readonly lot: string
  readonly times: VerdictsMessage['times']
  readonly bookedNs: bigint
  readonly chosen: Map<number, TraceReason>
  /** The audits of the part, where any pellet of it was drawn. */
  audit: PartAudit | undefined
  readonly expectsAudit: boolean
  readonly deadlineMs: number
}

/**
 * Creates the keeper. NG and late pellets and a random share are kept as the verdicts come; a disagreement when the audit
 * comes, so every part with a sampled pellet waits for its audit, at most `auditTimeoutMs`. A trace that comes too fast
 * after others is left out and counted.
 */
export function createTraceKeeper(options: TraceKeeperOptions): TraceKeeper {
  const { telemetry, settings, nowMs, nowNs, alertsOf, findAudits } = options
  const written = telemetry.counter(metrics.tracesWritten)
  const leftOut = telemetry.counter(metrics.tracesLeftOut)
  const bucket = createTokenBucket(settings.perSecond, nowMs)
  const choice = { share: settings.share, lateNs: BigInt(Math.round(settings.lateMs * 1e6)) }
  /** Parts in the order in which they were booked, by strip and part. */
  const waiting = new Map<string, Part>()
  /** Audits whose part has not been booked yet. */
  const early = new Map<string, PartAudit>()
  let searching: Promise<void> | undefined
  let ready: Part[] = []
  const nameOf = (strip: StripNameParts, part: number) => `${formatStripName(strip)}/${part}`

  /** Has a part written at the next flush; where too many wait for that, its traces are left out and counted. */
  const makeReady = (part: Part) => {
    if (ready.length < settings.maxWaiting) {
      ready.push(part)
      return
    }
    keepDisagreements(part)
    for (const reason of part.chosen.values()) leftOut.add(1, { reason })
  }

  const release = (name: string, part: Part) => {
    waiting.delete(name)
    makeReady(part)
  }

  const takePart = (message: VerdictsMessage, bookedNs: bigint) => {
    const strip = message.header?.key
    if (strip === undefined) return
    const chosen = choosePellets(message, bookedNs, choice)
    const expectsAudit = message.auditSampled > 0
    if (chosen.size === 0 && !expectsAudit) return
    const name = nameOf(strip, message.part)
    const audit = early.get(name)
    early.delete(name)
    const { header, part, firstIndex, outcome, margin, threshold } = message
    const taken: Part = {
      message: { header, part, firstIndex, outcome, margin, threshold } as Part['message'],
      model: message.model?.id ?? '',
      lot: header?.lot ?? '',
      times: message.times,
      bookedNs,
      chosen,
      audit,
      expectsAudit,
      deadlineMs: nowMs() + settings.auditTimeoutMs,
    }
    if (!expectsAudit || audit !== undefined) makeReady(taken)
    else waiting.set(name, taken)
    // The oldest comes first.
    for (const [oldest, waited] of waiting) {
      if (waiting.size <= settings.maxWaiting) break
      release(oldest, waited)
    }
  }

  const takeAudit = (message: AuditsMessage, bookedNs: bigint) => {
    if (message.key === undefined) return
    const name = nameOf(message.key, message.part)
    const part = waiting.get(name)
    if (part === undefined) {
      early.set(name, toPartAudit(message, bookedNs))
      for (const oldest of early.keys()) {
        if (early.size <= settings.maxWaiting) break
        early.delete(oldest)
      }
      return
    }
    part.audit = toPartAudit(message, bookedNs)
    release(name, part)
  }

  const write = (part: Part, alerts: readonly string[], alertedNs: bigint) => {
    for (const [index, reason] of part.chosen) {
      if (!bucket.take()) {
        leftOut.add(1, { reason })
        continue
      }
      written.add(1, { reason })
      const pellet = toTracedPellet(part, index, reason, alerts, alertedNs)
      for (const span of toPelletSpans(pellet, telemetry.stripShare)) telemetry.writeSpan(span)
    }
  }

  /** Takes the parts that have waited long enough, the oldest first, at most those of one search. */
  const takeOverdue = () => {
    const atMs = nowMs()
    const overdue: Part[] = []
    for (const [name, part] of waiting) {
      if (part.deadlineMs > atMs || overdue.length === searchParts) break
      waiting.delete(name)
      overdue.push(part)
    }
    return overdue
  }

  /** The last look before traces are written without an audit, search by search; books that cannot be read change nothing. */
  const search = async (overdue: Part[]) => {
    for (let parts = overdue; parts.length > 0; parts = takeOverdue()) {
      const found = await findAudits(parts.map(toPartName)).catch(() => [])
      for (const [at, part] of parts.entries()) part.audit = found[at]
      for (const part of parts) makeReady(part)
    }
  }

  /** The books are asked once for each line; where they cannot be read, the traces are written without alerts. */
  const writeReady = async () => {
    const parts = ready
    ready = []
    const alertedNs = nowNs()
    for (const part of parts) keepDisagreements(part)
    const kept = Map.groupBy(
      parts.filter(({ chosen }) => chosen.size > 0),
      lineOf,
    )
    for (const [line, ofLine] of kept) {
      const alerts = await alertsOf(line).catch(() => [])
      for (const part of ofLine) write(part, alerts, alertedNs)
    }
  }

  return {
    observe({ parts, audits, bookedNs }) {
      for (const { message } of parts) takePart(message, bookedNs)
      for (const message of new Set(audits.map((audit) => audit.message))) takeAudit(message, bookedNs)
    },
    async flush() {
      const overdue = searching === undefined ? takeOverdue() : []
      if (overdue.length > 0) {
        searching = search(overdue).finally(() => {
          searching = undefined
        })
      }
      await writeReady()
    },
    async drain() {
      await writeReady()
      for (const [name, part] of waiting) release(name, part)
      await writeReady()
      await searching
      await writeReady()
    },
  }
}

/** Has the traces kept of those pellets of an audited part on which student and teachers disagree. */
function keepDisagreements({ audit, chosen }: Part): void {
  for (const item of audit?.items ?? []) {
    if (disagrees(item) && chosen.get(item.index) !== 'ng') chosen.set(item.index, 'disagreement')
  }
}

function lineOf({ message }: Part): string {
  return message.header?.key?.line ?? ''
}

function toPartName({ message: { header, firstIndex, outcome } }: Part): PartName {
  return { strip: header!.key!, firstIndex, count: outcome.length }
}

function toPartAudit({ items, times }: AuditsMessage, bookedNs: bigint): PartAudit {
  return { items, takenNs: times?.takenUnixNs ?? 0n, endedNs: times?.endedUnixNs ?? 0n, bookedNs }
}

function disagrees({ studentVerdict, teacherVerdict }: PartAudit['items'][number]): boolean {
  return verdictsDisagree(studentVerdict, teacherVerdict)
}

function toTracedPellet(
  part: Part,
  index: number,
  reason: TraceReason,
  alerts: readonly string[],
  alertedNs: bigint,
): TracedPellet {
  const { message, times, audit } = part
  const place = index - message.firstIndex
  const outcome = message.outcome[place] ?? Outcome.UNSPECIFIED
  const margin = message.margin[place] ?? 0
  const item = audit?.items.find((candidate) => candidate.index === index)
  const judged: PelletAudit | undefined = item && {
    teacherVerdict: item.teacherVerdict === Verdict.NG ? 'NG' : 'OK',
    ensembleScoreNg: item.ensembleScoreNg,
  }
  return {
    strip: message.header!.key!,
    part: message.part,
    index,
    lot: part.lot,
    reason,
    clocks: {
      exposedNs: message.header?.exposedUnixNs ?? 0n,
      receivedNs: times?.receivedUnixNs ?? 0n,
      segmentationBeganNs: times?.segmentationBeganUnixNs ?? 0n,
      segmentationEndedNs: times?.segmentationEndedUnixNs ?? 0n,
      inferenceQueuedNs: times?.inferenceQueuedUnixNs ?? 0n,
      inferenceBeganNs: times?.inferenceBeganUnixNs ?? 0n,
      inferenceEndedNs: times?.inferenceEndedUnixNs ?? 0n,
      auditTakenNs: (item && audit?.takenNs) ?? 0n,
      auditEndedNs: (item && audit?.endedNs) ?? 0n,
      bookedNs: lastBookedNs(part.bookedNs, item && audit?.bookedNs),
      alertedNs,
      judged: outcome === Outcome.CLASSIFIED,
    },
    outcome: enumName(OutcomeSchema, outcome),
    verdict: outcome !== Outcome.CLASSIFIED ? undefined : margin >= message.threshold ? 'NG' : 'OK',
    margin,
    threshold: message.threshold,
    model: part.model,
    audit: judged,
    alerts,
  }
}
