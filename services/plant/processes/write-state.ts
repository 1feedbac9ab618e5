import { renameSync, writeFileSync } from 'node:fs'

export interface StateWriterOptions {
  readonly file: string
  /** A sentence for the person who watches. */
  readonly report: (text: string) => void
}

/**
 * Writes the state of a plant as JSON, whole or not at all. A disk that is full does not end what the plant does: it is
 * reported, once until the file can be written again, and the file says meanwhile what was so before.
 */
export function createStateWriter({ file, report }: StateWriterOptions): (state: object) => void {
  let failing = false
  return (state) => {
    try {
      writeFileSync(`${file}.tmp`, `${JSON.stringify(state, null, 2)}\n`)
      renameSync(`${file}.tmp`, file)
      failing = false
    } catch (reason) {
      const why = reason instanceof Error ? reason.message : String(reason)
      if (!failing) report(`${file} cannot be written (${why}); until it can, it shows an earlier state of the plant`)
      failing = true
    }
  }
}
