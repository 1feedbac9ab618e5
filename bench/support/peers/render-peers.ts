import { printTables } from '../print-tables.ts'
import { formatPage, publishFolder } from '../publish-folder.ts'
import { drawPeers } from './draw-peers.ts'
import { describePeersRun, type PeersReport, tabulatePeers } from './tabulate-peers.ts'

/** Prints the report on standard output: tables, or one JSON object. */
export function printPeers(report: PeersReport, json: boolean): void {
  printTables({ report, lead: `peers: ${describePeersRun(report)}`, tables: tabulatePeers(report) }, json)
}

/** Writes the report into `folder`: tables, plot and every number. */
export async function publishPeers(report: PeersReport, folder: string, command: string): Promise<void> {
  const figure = await drawPeers(report.systems)
  const readme = formatPage({
    title: 'Serving systems beside ours',
    lead: `\`${command}\`: ${describePeersRun(report)}`,
    figures: [figure],
    tables: tabulatePeers(report),
  })
  await publishFolder(folder, {
    readme,
    report,
    figures: [figure],
    what: 'the student beside PyTriton, KServe, MLServer, LitServe, BentoML and Ray Serve on the same file and cores',
  })
}
