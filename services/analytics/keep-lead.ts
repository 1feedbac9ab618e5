import type { Lead, LeadName, Store } from '../shared/store/index.ts'

export interface LeadKeeperOptions {
  readonly database: Pick<Store, 'tryLead'>
  readonly name: LeadName
  readonly nowMs: () => number
  /** Called when the lead has been gained, before `isLeading` says so; where it rejects, the lead is given back. */
  readonly onGained?: () => Promise<void>
}

/** Who of several analytics on one database does what one alone does: `watch` closes lots and raises alerts, `retention` deletes. */
export interface LeadKeeper {
  /** Whether it is this process; takes the lead where nobody has it. Throws what the database does. */
  isLeading(): Promise<boolean>
  release(): Promise<void>
}

/** How often the lead is asked for, and how long it is trusted without asking, ms. */
const askMs = 1_000

/** Creates the keeper of a lead; the lead goes to another within about a second of this process's end. */
export function createLeadKeeper({ database, name, nowMs, onGained }: LeadKeeperOptions): LeadKeeper {
  let lead: Lead | undefined
  let askedMs = Number.NEGATIVE_INFINITY
  const release = async () => {
    const before = lead
    lead = undefined
    await before?.release()
  }
  return {
    async isLeading() {
      if (lead !== undefined && !lead.held) lead = undefined
      const isFresh = Math.abs(nowMs() - askedMs) < askMs
      if (isFresh) return lead !== undefined
      if (lead !== undefined && !(await lead.confirm())) lead = undefined
      if (lead === undefined) {
        const gained = await database.tryLead(name)
        if (gained !== undefined) {
          try {
            await onGained?.()
          } catch (reason) {
            await gained.release()
            throw reason
          }
          lead = gained
        }
      }
      askedMs = nowMs()
      return lead !== undefined
    },
    release,
  }
}
