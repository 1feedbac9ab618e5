/** What one process alone does on a database, e.g. closing lots and raising alerts. */
export interface Lead {
  /** False once it is lost: the connection that held it has gone. */
  readonly held: boolean
  /** Asks the server whether it is still held; false where it does not answer. */
  confirm(): Promise<boolean>
  release(): Promise<void>
}

/** Numbers of the leads that there are; any fixed ones, apart from those of other locks. */
export const leadLocks = { watch: 7_021_950, retention: 7_021_951 } as const

export type LeadName = keyof typeof leadLocks
