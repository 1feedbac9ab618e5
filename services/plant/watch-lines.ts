import type { LineFeed } from './feed-line.ts'
import type { LineStatus } from './line-status.ts'
import type { PlantServices } from './plant-services.ts'

/** Reads the state of all lines; rows per second are those since the call before. */
export function createLineWatch(services: PlantServices, feeds: readonly LineFeed[]): () => Promise<LineStatus[]> {
  const before = new Map<string, { rows: number; atMs: number }>()
  const startedMs = performance.now()

  return async function readStatuses() {
    const queueFill = await services.queueFill()
    return Promise.all(
      feeds.map(async (feed) => {
        const report = await services.lineReport(feed.line)
        const atMs = performance.now()
        const last = before.get(feed.line) ?? { rows: 0, atMs: startedMs }
        const rows = feed.rows()
        before.set(feed.line, { rows, atMs })
        return {
          line: feed.line,
          lot: report.lot,
          pelletsPerSecond: report.pelletsPerSecond,
          ngPpm: report.reconciliation.classified === 0n ? undefined : report.ngPpm,
          ngPpmCorrected: report.ngPpmCorrected,
          audited: report.audited,
          disagreement: report.audited === 0 ? undefined : report.disagreement,
          reconciliation: report.reconciliation,
          balanced: report.reconciliation.balanced,
          endedWell: report.reconciliation.balanced,
          isOpen: true,
          // An alert of an earlier lot is still open, but it is not about this run.
          alerts: report.alerts.filter((alert) => alert.lot === report.lot),
          rowsPerSecond: ((rows - last.rows) * 1000) / Math.max(1, atMs - last.atMs),
          queueFill,
          truth: feed.truth(),
        }
      }),
    )
  }
}
