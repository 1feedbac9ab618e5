// `npm run test:chaos [-- --faults N --seed N --parts NAME,... --publish DIR]`: hundreds of faults that overlap, then three
// brokers of which one dies at a time, then one fault after the other; a table of recoveries, and status 1 where a pellet is not counted exactly once.
import { mkdirSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { createRandom } from '../../services/line-simulator/random.ts'
import { writeFileAtomically } from '../../services/shared/files/write-file-atomically.ts'
import { everyFault, judgeChaos } from './judge-chaos.ts'
import { type ChaosReport, runChaos } from './run-chaos.ts'
import { tableOfRecoveries } from './table-recoveries.ts'

const { values } = parseArgs({
  options: {
    faults: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' },
    parts: { type: 'string', default: 'overlapping,brokers,apart' },
    publish: { type: 'string' },
  },
})
const faults = Number(values.faults)
const seed = Number(values.seed)
if (!Number.isInteger(faults) || faults < 1 || !Number.isInteger(seed)) {
  process.stderr.write('--faults takes a whole number from 1, --seed a whole number.\n')
  process.exit(2)
}

/** What is run in turn, by the name that `--parts` takes. */
const allParts = {
  overlapping: { title: 'One broker, faults overlap', faults, brokers: 1, maxOpen: 8, weights: everyFault },
  brokers: {
    title: 'Three brokers, one of which dies at a time',
    faults: Math.ceil(faults / 4),
    brokers: 3,
    maxOpen: 8,
    weights: { kill: 4, freeze: 1, 'broker-restart': 5 },
  },
  apart: {
    title: 'One broker, one fault at a time',
    faults: Math.ceil(faults / 5),
    brokers: 1,
    maxOpen: 1,
    weights: everyFault,
  },
} as const

const parts: string[] = []
let failed = false
for (const name of values.parts.split(',')) {
  if (!(name in allParts))
    throw new TypeError(`--parts takes ${Object.keys(allParts).join(', ')}, separated by commas.`)
  const { title, ...part } = allParts[name as keyof typeof allParts]
  const random = createRandom(seed, part.brokers, part.maxOpen)
  const report = await runChaos({
    ...part,
    random: () => random.next(),
    seed,
    meanPauseMs: 3_000,
    lines: 2,
    speed: 0.25,
    say: (text) => process.stderr.write(`${text}\n`),
  })
  const wrong = judgeChaos(report)
  failed ||= wrong.length > 0
  parts.push(describe(title, report, wrong))
}
const text = parts.join('\n\n')
process.stdout.write(`${text}\n`)
if (values.publish !== undefined) {
  mkdirSync(values.publish, { recursive: true })
  const how = `\`npm run test:chaos -- --faults ${faults} --seed ${seed}\`, ${cpus().length} cores, ${cpus()[0]?.model.trim()}, Node ${process.version}.`
  await writeFileAtomically(join(values.publish, 'README.md'), [`# The books under faults\n\n${how}\n\n${text}\n`])
}
process.exitCode = failed ? 1 : 0

function describe(title: string, report: ChaosReport, wrong: readonly string[]): string {
  const { books, outcomes, resumed, seconds } = report
  const sum = (of: (run: (typeof books)[number]) => number) => books.reduce((total, run) => total + of(run), 0)
  const verdict =
    wrong.length === 0
      ? 'Every pellet was counted exactly once, and every lot balances.'
      : `Wrong:\n\n${wrong.map((line) => `- ${line}`).join('\n')}`
  return [
    `## ${title}`,
    `${outcomes.length} faults in ${Math.round(seconds)} s on ${books.length} lines; camera streams were resumed ${resumed} times. ` +
      `${sum(({ truth }) => truth)} pellets by truth (those cut by the edges of the field apart), ${sum(({ booked }) => booked)} booked, ` +
      `${sum(({ lost }) => lost.length)} lost, ${sum(({ doubled }) => doubled)} doubled. ${sum(({ rowsLostByTruth }) => rowsLostByTruth)} of ` +
      `${sum(({ rowsByTruth, rowsLostByTruth }) => rowsByTruth + rowsLostByTruth)} rows were lost by the cameras, ${sum(({ rowsLost }) => rowsLost)} are booked as lost. ${verdict}`,
    tableOfRecoveries(outcomes),
  ].join('\n\n')
}
