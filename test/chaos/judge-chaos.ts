import type { FaultKind } from './plan-faults.ts'
import type { ChaosReport } from './run-chaos.ts'

/** All kinds of faults; services die more often than what they stand on. */
export const everyFault: Readonly<Record<FaultKind, number>> = {
  kill: 10,
  freeze: 4,
  'broker-restart': 2,
  'database-restart': 2,
  'cut-camera': 2,
  'cut-database': 2,
  'clock-jump': 1,
}

/** What is wrong with the books after a run of faults, in sentences; empty where every pellet was counted once. */
export function judgeChaos({ books, lots }: Pick<ChaosReport, 'books' | 'lots'>): string[] {
  const wrong: string[] = []
  for (const run of books) {
    const { line, truth, booked, lost, doubled, unknown, stripsIncomplete } = run
    if (truth === 0) wrong.push(`${line}: its camera saw nothing`)
    if (lost.length > 0) {
      const first = lost[0]!.box
      wrong.push(`${line}: ${lost.length} of ${truth} pellets are lost, the first at x ${first.x}, y ${first.y}`)
    }
    if (doubled > 0) wrong.push(`${line}: ${doubled} of ${booked} booked pellets are there twice`)
    if (unknown > 0) wrong.push(`${line}: ${unknown} of ${booked} booked pellets were never there`)
    if (stripsIncomplete > 0) wrong.push(`${line}: ${stripsIncomplete} strips are not whole`)
    if (run.rows !== run.rowsByTruth)
      wrong.push(`${line}: ${run.rows} rows are booked; the camera delivered ${run.rowsByTruth}`)
    if (run.rowsLost !== run.rowsLostByTruth)
      wrong.push(`${line}: ${run.rowsLost} rows are booked as lost; the camera lost ${run.rowsLostByTruth}`)
  }
  for (const { id, balanced } of lots) if (!balanced) wrong.push(`lot ${id}: its counts do not balance`)
  return wrong
}
