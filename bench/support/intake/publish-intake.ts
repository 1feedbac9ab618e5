import { formatQuantity } from '../../../services/cli/format-number.ts'
import type { Spread } from '../measure.ts'
import { describeMachine, type Report } from '../print-report.ts'
import { formatPage, publishFolder } from '../publish-folder.ts'

const columns = [
  { title: 'What' },
  { title: 'Median', align: 'right' },
  { title: 'Quartiles', align: 'right' },
] as const

/** Writes `README.md` and `report.json` into `folder`, and the folder's line into the README.md beside it. */
export async function publishIntake(report: Report, folder: string, command: string): Promise<void> {
  const machine = describeMachine()
  const cells = (what: string, { median, lower, upper }: Spread) => [
    what,
    formatQuantity(median),
    `${formatQuantity(lower)} .. ${formatQuantity(upper)}`,
  ]
  const readme = formatPage({
    title: 'Gateway and segmentation in one process, against two',
    lead:
      `\`${command}\`, ${machine.cores} cores, ${machine.cpu}, Node ${machine.node}; ${report.rounds} ${report.rounds === 1 ? 'round' : 'rounds'}, ` +
      `the ways in turn within each, medians with quartiles. ${report.about}`,
    figures: [],
    tables: [
      {
        title: 'Ratios',
        note: 'Of runs of the same round. More than 1 is better for MB/s, less than 1 for CPU.',
        columns: [{ title: 'What' }, { title: 'Against' }, ...columns.slice(1)],
        rows: report.ratios.map(({ what, against, spread }) => {
          const [name = '', ...rest] = cells(what, spread)
          return [name, against, ...rest]
        }),
      },
      {
        title: 'Figures',
        note: 'CPU time of the whole process, correction, light, segmenting and crops included; a GB is one of camera pixels.',
        columns: [...columns, { title: 'Unit' }],
        rows: report.figures.map(({ what, unit, spread }) => [...cells(what, spread), unit]),
      },
      {
        title: 'What was sent',
        note: 'The strip that the camera repeats.',
        columns: [{ title: 'What' }, { title: 'Number', align: 'right' }],
        rows: Object.entries(report.facts ?? {}).map(([name, value]) => [name, String(value)]),
      },
    ],
  })
  const what = 'gateway and segmentation in one process against two: rates, CPU time'
  await publishFolder(folder, { readme, report: { ...report, machine }, figures: [], what })
}
