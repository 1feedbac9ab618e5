// `npm test`: sets up what is missing, then runs the default suites in one test run with one closing summary.
// Arguments pick suites by name (unit, architecture, integration, e2e, chaos, charts) or are file patterns.
import { join } from 'node:path'
import process from 'node:process'
import { limitChildren } from './limit-children.mjs'
import { runNode } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const suites = {
  unit: ['services/**/*.test.ts', 'bench/**/*.test.ts', 'scripts/**/*.test.ts'],
  architecture: ['test/architecture/**/*.test.ts'],
  integration: ['test/integration/**/*.test.ts'],
  e2e: ['test/e2e/**/*.test.ts'],
  chaos: ['test/chaos/**/*.test.ts'],
  charts: ['test/charts/**/*.test.ts'],
}

const node = setup()
const named = process.argv.slice(2)
const chosen = named.length === 0 ? Object.keys(suites) : named
const patterns = chosen.flatMap((name) => suites[name] ?? [name])
// Builds of minutes, once, and not within the time of a test. What fails here fails again in the tests, with its reason.
if (chosen.includes('charts')) await runNode(node, [join(root, 'scripts/tools/install-chart-tools.ts')])
const reporter = process.stdout.isTTY ? 'spec' : 'dot'
const args = [
  '--test',
  '--test-concurrency=2',
  '--test-timeout=600000',
  `--test-reporter=${reporter}`,
  '--test-reporter-destination=stdout',
]
if (reporter === 'dot')
  args.push('--test-reporter=./scripts/summary-reporter.mjs', '--test-reporter-destination=stdout')
/** The slowest file takes some two minutes on two cores. */
const fileMinutes = 15
const onStart = (runner) =>
  limitChildren(runner, fileMinutes * 60_000, ([, ...file]) => {
    process.stderr.write(`\nThe process of ${file.at(-1)} has not ended within ${fileMinutes} minutes and is killed.\n`)
  })
process.exitCode = await runNode(node, [...args, ...patterns], { cwd: root, onStart })
