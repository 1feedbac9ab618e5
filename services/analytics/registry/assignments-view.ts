import type { LineAssignment } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { Kysely, Tables } from '../../shared/store/index.ts'
import type { ChangeSignal } from '../change-signal.ts'
import { createGroupedReads } from '../group-reads.ts'
import { readAssignments } from './read-lines.ts'

export interface AssignmentsViewOptions {
  readonly db: Kysely<Tables>
  /** Changes of any line's assignment by this process. */
  readonly changes: ChangeSignal
  readonly nowNs: () => bigint
  /** How long what was read holds, ns: another analytics on the same database may change a line. */
  readonly maxAgeNs: bigint
}

/** The assignments in force, read for all who ask. */
export interface AssignmentsView {
  /** Of every line, by name, as they are when this is called. */
  read(): Promise<ReadonlyMap<string, LineAssignment>>
  /**
   * Of one line; changes of this process are in it at once, those of another within `maxAgeNs`. Undefined where the line is not
   * known, which is never told of an old reading.
   */
  of(line: string): Promise<LineAssignment | undefined>
}

interface Reading {
  readonly version: number
  readonly atNs: bigint
  readonly lines: ReadonlyMap<string, LineAssignment>
}

/** Creates the view; it reads when it is asked, however many lines and watchers there are. */
export function createAssignmentsView({ db, changes, nowNs, maxAgeNs }: AssignmentsViewOptions): AssignmentsView {
  let newest: Reading | undefined
  const readGrouped = createGroupedReads<Reading>(
    async ([key]) => {
      const reading = { version: changes.version, atNs: nowNs() }
      const lines = new Map((await readAssignments(db)).map((assignment) => [assignment.line, assignment]))
      const read = { ...reading, lines }
      // One that took long may end after one that began later.
      if (newest === undefined || newest.atNs <= read.atNs) newest = read
      return new Map([[key!, read]])
    },
    { maxKeys: 1 },
  )
  const read = async () => (await readGrouped('lines'))!.lines
  const recent = () => {
    const holds = newest !== undefined && newest.version === changes.version && nowNs() - newest.atNs <= maxAgeNs
    return holds ? Promise.resolve(newest!.lines) : read()
  }
  return {
    read,
    // Another analytics may have made it known just now.
    of: async (line) => (await recent()).get(line) ?? (await read()).get(line),
  }
}
