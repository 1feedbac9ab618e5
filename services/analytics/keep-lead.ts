import type { Lead, LeadName, Store } from '../shared/store/index.ts'

export interface LeadKeeperOptions {
  readonly database: Pick<Store, 'tryLead'>
  readonly name: LeadName
  readonly nowMs: () => number
  /** Called when the lead has been gained, before `isLeading` says so; where it rejects, the lead is given back. */
  readonly onGained?: () => Promise<void>
  /** Called once a lead that was gained is no longer held: it was lost, given back or released. */
  readonly onLost?: () => void
}

/** Who of several analytics on one database does what one alone does: `watch` closes lots and raises alerts, `retention` deletes. */
export interface LeadKeeper {
  /** Whether it is this process; takes the lead where nobody has it. Throws what the database does. */
  isLeading(): Promise<boolean>
  /** Whether the lead that was taken is held still; takes none and gives none up, so it may be asked while `isLeading` works. */
  stillLeads(): Promise<boolean>
  release(): Promise<void>
}

/** How often the lead is asked for, and how long it is trusted without asking, ms. */
const askMs = 1_000

/** Creates the keeper of a lead; the lead goes to another within about a second of this process's end. */
export function createLeadKeeper({ database, name, nowMs, onGained, onLost }: LeadKeeperOptions): LeadKeeper {
  let lead: Lead | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  const isFresh = () => Math.abs(nowMs() - askedMs) < askMs
  const lose = () => {
    lead = undefined
    onLost?.()
  }
  const gain = async () => {
    const gained = await database.tryLead(name)
    if (gained === undefined) return
    try {
      await onGained?.()
    } catch (reason) {
      lose()
      await gained.release()
      throw reason
    }
    lead = gained
  }
  return {
    async isLeading() {
      if (lead !== undefined && !lead.held) lose()
      if (isFresh()) return lead !== undefined
      if (lead !== undefined && !(await lead.confirm())) lose()
      if (lead === undefined) await gain()
      askedMs = nowMs()
      return lead !== undefined
    },
    async stillLeads() {
      if (lead === undefined || !lead.held) return false
      return isFresh() || lead.confirm()
    },
    async release() {
      const before = lead
      if (before === undefined) return
      lose()
      await before.release()
    },
  }
}
