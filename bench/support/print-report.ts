import { availableParallelism, cpus } from 'node:os'
import process from 'node:process'
import { formatQuantity } from '../../services/cli/format-number.ts'
import { renderTable } from '../../services/cli/render-table.ts'
import type { Spread } from './measure.ts'

/** A figure of one contestant. */
export interface Figure {
  readonly what: string
  readonly unit: string
  readonly spread: Spread
}

/** A figure against its reference, measured in the same rounds. */
export interface Ratio {
  readonly what: string
  readonly against: string
  readonly spread: Spread
}

export interface Report {
  readonly bench: string
  /** What was done and what the reference is, in a sentence or two. */
  readonly about: string
  readonly rounds: number
  readonly figures: readonly Figure[]
  readonly ratios: readonly Ratio[]
  /** What was counted beside the figures. */
  readonly facts?: Readonly<Record<string, number | string | boolean>>
}

/** The machine that gave the figures: processor, cores that may be used, Node. */
export function describeMachine() {
  return { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), node: process.version }
}

/** Prints the report on standard output: tables, or one JSON object. */
export function printReport(report: Report, json: boolean): void {
  const machine = describeMachine()
  if (json) {
    process.stdout.write(`${JSON.stringify({ ...report, machine })}\n`)
    return
  }
  const lines = [
    `${report.bench}: ${report.about}`,
    `${machine.cores} cores, ${machine.cpu}, Node ${machine.node}; ${report.rounds} ${report.rounds === 1 ? 'round' : 'rounds'}, medians with quartiles.`,
    '',
    ...renderTable(
      [
        { title: 'What' },
        { title: 'Median', align: 'right' },
        { title: 'Quartiles', align: 'right' },
        { title: 'Unit' },
      ],
      report.figures.map(({ what, unit, spread }) => [what, formatQuantity(spread.median), quartiles(spread), unit]),
    ),
    '',
    ...renderTable(
      [
        { title: 'Ratio' },
        { title: 'Against' },
        { title: 'Median', align: 'right' },
        { title: 'Quartiles', align: 'right' },
      ],
      report.ratios.map(({ what, against, spread }) => [
        what,
        against,
        formatQuantity(spread.median),
        quartiles(spread),
      ]),
    ),
    ...Object.entries(report.facts ?? {}).map(([name, value], i) => `${i === 0 ? '\n' : ''}${name}: ${value}`),
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function quartiles({ lower, upper }: Spread): string {
  return `${formatQuantity(lower)} .. ${formatQuantity(upper)}`
}
