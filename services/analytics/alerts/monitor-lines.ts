import { AlertKind } from '../../gen/pelletline/events/v1/events_pb.ts'
import type { Recipe } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import type { BookedAudit, BookedPart } from '../booking/entries.ts'
import { type AlertBook, formatAlertId } from './alert-book.ts'
import { type AuditWindow, createAuditWindow } from './audit-window.ts'
import { type AlertDecision, decideDisagreement, decideRowsLost, decideStripShare } from './decide-alert.ts'
import { describeDirt, describeDisagreement, describeLight, describeRowsLost } from './describe-alert.ts'
import { readNewestAudits } from './read-newest-audits.ts'
import { createRowsWindow, type RowsWindow } from './rows-window.ts'
import { createStripsWindow, type StripsWindow } from './strips-window.ts'

export interface AlertSettings {
  readonly minAudited: number
  readonly maxWindowAgeMs: number
  readonly confidence: number
  readonly rowsWindow: number
  readonly minRows: number
  readonly rowsLostHysteresis: number
  readonly stripsWindow: number
  readonly minStrips: number
  readonly dirtLimit: number
  readonly lightLimit: number
  readonly stripsHysteresis: number
}

export interface MonitorOptions {
  readonly db: Kysely<Tables>
  readonly book: AlertBook
  readonly settings: AlertSettings
  /** Recipe in force on a line; undefined for a line that is not known. */
  readonly recipeOf: (line: string) => Promise<Recipe | undefined>
  readonly nowMs: () => number
  /** Told of every alert that is raised. */
  readonly onRaised?: (line: string, kind: AlertKind) => void
}

/** What the windows take of what was booked. */
export interface ObservedBookings {
  readonly parts: readonly Omit<BookedPart, 'message'>[]
  readonly audits: readonly Pick<BookedAudit, 'line' | 'weight' | 'disagreed'>[]
}

/** A line as its alert rules saw it last. */
export interface WatchedLine {
  readonly line: string
  /** Weighted share of pellets on which student and teachers disagree; undefined before the first audit. */
  readonly disagreement: number | undefined
  /** Unresolved alerts, by kind. */
  readonly alerts: readonly { readonly kind: AlertKind; readonly id: string }[]
}

interface LineState {
  readonly audits: AuditWindow
  readonly rows: RowsWindow
  readonly strips: StripsWindow
  lot: string
  disagreement: number | undefined
  /** Audited pellets since the last decision, and those that count towards the end of an alert on disagreement. */
  added: number
  calm: number | undefined
  /** Unresolved alerts of the line by kind. */
  readonly active: Map<AlertKind, bigint>
}

// Most pellets that a recipe's window can hold.
const maxWindow = 100_000

/** Watches the windows of each line and raises and resolves its alerts. */
export function createMonitor({ db, book, settings, recipeOf, nowMs, onRaised }: MonitorOptions) {
  const lines = new Map<string, LineState>()
  const dirty = new Set<string>()
  const stateOf = (line: string): LineState => {
    const known = lines.get(line)
    if (known !== undefined) return known
    const state: LineState = {
      audits: createAuditWindow(),
      rows: createRowsWindow(),
      strips: createStripsWindow(),
      lot: '',
      disagreement: undefined,
      added: 0,
      calm: undefined,
      active: new Map(),
    }
    lines.set(line, state)
    return state
  }

  const forget = (): void => {
    lines.clear()
    dirty.clear()
  }

  const apply = async (
    line: string,
    kind: AlertKind,
    decision: AlertDecision,
    limit: number,
    describe: () => string,
  ) => {
    const state = stateOf(line)
    const active = state.active.get(kind)
    if (decision.action === 'resolve' && active !== undefined) {
      await book.resolve(active)
      state.active.delete(kind)
    }
    if (decision.action === 'raise') {
      const { row, isNew } = await book.raise({
        kind,
        line,
        lot: state.lot,
        value: decision.value,
        limit,
        windowAudited: decision.audited,
        message: describe(),
      })
      state.active.set(kind, row.alert_id)
      if (isNew) onRaised?.(line, kind)
    }
  }

  const decide = async (line: string) => {
    const recipe = await recipeOf(line)
    if (recipe === undefined) return
    const state = stateOf(line)
    const disagreement = decideDisagreement(
      {
        groups: state.audits.groups({
          nowMs: nowMs(),
          limit: recipe.disagreementWindow,
          maxAgeMs: settings.maxWindowAgeMs,
        }),
        added: state.added,
      },
      { active: state.active.has(AlertKind.DISAGREEMENT), calm: state.calm },
      {
        limit: recipe.disagreementLimit,
        hysteresis: recipe.disagreementHysteresis,
        // A window below the setting holds no more than it does.
        minAudited: Math.min(settings.minAudited, recipe.disagreementWindow),
        calmAudited: recipe.disagreementWindow,
        confidence: settings.confidence,
      },
    )
    state.added = 0
    state.calm = disagreement.calm
    state.disagreement = disagreement.audited === 0 ? undefined : disagreement.value.value
    await apply(line, AlertKind.DISAGREEMENT, disagreement, recipe.disagreementLimit, () =>
      describeDisagreement(line, disagreement, recipe.disagreementLimit),
    )
    const rowsLost = decideRowsLost(state.rows.sums(settings.rowsWindow), state.active.has(AlertKind.ROWS_LOST), {
      limit: recipe.rowsLostLimit,
      hysteresis: settings.rowsLostHysteresis,
      minRows: settings.minRows,
    })
    await apply(line, AlertKind.ROWS_LOST, rowsLost, recipe.rowsLostLimit, () =>
      describeRowsLost(line, rowsLost, recipe.rowsLostLimit),
    )
    const { dirtLimit, lightLimit, stripsHysteresis: hysteresis, minStrips } = settings
    const seen = state.strips.seen(settings.stripsWindow)
    const decideStrips = (kind: AlertKind, affected: number, limit: number) =>
      decideStripShare({ strips: seen.strips, affected }, state.active.has(kind), { limit, hysteresis, minStrips })
    const dirt = decideStrips(AlertKind.DIRT, seen.dirty, dirtLimit)
    await apply(line, AlertKind.DIRT, dirt, dirtLimit, () => describeDirt(line, seen))
    const light = decideStrips(AlertKind.LIGHT, seen.lost, lightLimit)
    await apply(line, AlertKind.LIGHT, light, lightLimit, () => describeLight(line, seen))
  }

  return {
    /**
     * Forgets what was seen, and takes up unresolved alerts and the newest audited pellets up to a position. What these say
     * of an alert's end is not known, so an alert on disagreement resolves after a whole window more of them.
     */
    async restore(lastAudit: bigint): Promise<void> {
      forget()
      for (const row of await book.listUnresolved()) stateOf(row.line).active.set(row.kind as AlertKind, row.alert_id)
      const known = await db.selectFrom('lines').select('id').execute()
      const limits = new Map<string, number>()
      for (const { id } of known) limits.set(id, (await recipeOf(id))?.disagreementWindow ?? 0)
      const sinceNs = BigInt(Math.round(nowMs() - settings.maxWindowAgeMs)) * 1_000_000n
      for (const [line, audits] of await readNewestAudits(db, { last: lastAudit, sinceNs, limits })) {
        for (const audit of audits) stateOf(line).audits.add(audit)
      }
    },

    /** Forgets what was seen: it is for another process to decide, and to say how the lines are. */
    forget,

    /** Takes what was booked into the windows. */
    observe(booked: ObservedBookings): void {
      for (const part of booked.parts) {
        const state = stateOf(part.line)
        state.rows.add(part.rowsAcquired, part.rowsLost)
        state.rows.sums(settings.rowsWindow)
        if (part.strip !== undefined) state.strips.add(part.strip)
        // Bounded between two evaluations too.
        if (state.strips.size > 2 * settings.stripsWindow) state.strips.seen(settings.stripsWindow)
        state.lot = part.lot
        if (part.rowsAcquired + part.rowsLost > 0) dirty.add(part.line)
      }
      for (const { line, weight, disagreed } of booked.audits) {
        const state = stateOf(line)
        state.audits.add({ weight, disagreed, atMs: nowMs() })
        state.added += 1
        // Bounded between two evaluations too.
        if (state.audits.size > 2 * maxWindow) {
          state.audits.groups({ nowMs: nowMs(), limit: maxWindow, maxAgeMs: settings.maxWindowAgeMs })
        }
        dirty.add(line)
      }
    },

    /** One line; undefined where nothing of it was seen. */
    watched(line: string): WatchedLine | undefined {
      const state = lines.get(line)
      if (state === undefined) return undefined
      const alerts = [...state.active].map(([kind, id]) => ({ kind, id: formatAlertId(id) }))
      return { line, disagreement: state.disagreement, alerts }
    },

    /** Names of the lines of which anything was seen. */
    seenLines: (): readonly string[] => [...lines.keys()],

    /** Decides on the lines that have changed since the last time; a line whose alert cannot be stored stays to be decided. */
    async evaluate(): Promise<void> {
      for (const line of dirty) {
        dirty.delete(line)
        try {
          await decide(line)
        } catch (reason) {
          dirty.add(line)
          throw reason
        }
      }
    },
  }
}

export type Monitor = ReturnType<typeof createMonitor>
