/** Names of this beginning belong to the plant: they collect product while no lot is open. */
export const unassignedPrefix = 'unassigned-'

/** Name of the lot that collects unassigned product of a line. */
export function unassignedLotName(line: string): string {
  return `${unassignedPrefix}${line}`
}
