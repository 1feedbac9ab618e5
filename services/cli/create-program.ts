import { readFileSync } from 'node:fs'
import { Command, type OutputConfiguration } from 'commander'
import type { AddCommand, CliContext } from './cli-context.ts'
import { addAlertsCommand } from './commands/alerts.ts'
import { addCalibrateCommand } from './commands/calibrate.ts'
import { addDatabaseCommand } from './commands/database.ts'
import { addDeadLettersCommand } from './commands/dead-letters.ts'
import { addDistillCommand } from './commands/distill.ts'
import { addEvaluateCommand } from './commands/evaluate.ts'
import { addExplainCommand } from './commands/explain.ts'
import { addHealthCommand } from './commands/health.ts'
import { addInspectCommand } from './commands/inspect.ts'
import { addLinesCommand } from './commands/lines.ts'
import { addLotsCommand } from './commands/lots.ts'
import { addModelsCommand } from './commands/models.ts'
import { addRecipesCommand } from './commands/recipes.ts'
import { addReplayCommand } from './commands/replay.ts'
import { addResultsCommand } from './commands/results.ts'
import { addServeCommand } from './commands/serve.ts'
import { addSimulateCommand } from './commands/simulate.ts'
import { addTopicsCommand } from './commands/topics.ts'
import { addTraceCommand } from './commands/trace.ts'
import { addTrainCommand } from './commands/train.ts'
import { addUpCommand } from './commands/up.ts'
import { exampleText } from './example-text.ts'

const commands: readonly { readonly heading: string; readonly add: readonly AddCommand[] }[] = [
  { heading: 'Look at images:', add: [addInspectCommand, addEvaluateCommand, addExplainCommand] },
  {
    heading: 'Run a plant:',
    add: [addUpCommand, addServeCommand, addHealthCommand, addDatabaseCommand, addCalibrateCommand],
  },
  {
    heading: 'Ask a running plant:',
    add: [
      addLotsCommand,
      addLinesCommand,
      addRecipesCommand,
      addResultsCommand,
      addAlertsCommand,
      addTraceCommand,
      addModelsCommand,
    ],
  },
  { heading: 'Look after a broker:', add: [addTopicsCommand, addDeadLettersCommand] },
  { heading: 'Make data and models:', add: [addSimulateCommand, addReplayCommand, addTrainCommand, addDistillCommand] },
]

/** The program with all its commands; it throws CommanderError instead of ending the process. */
export function createProgram(context: CliContext, output: OutputConfiguration): Command {
  const program = new Command('pelletline')
    .description('Optical inspection of plastic pellets: finds every pellet, judges it, and keeps the account.')
    .version(readVersion(), '-V, --version', 'print the version')
    .option('--json', 'print one JSON object per line on stdout, and nothing else there')
    .helpOption('-h, --help', 'print help; "pelletline COMMAND --help" explains a command')
    .helpCommand('help [command]', 'print help for a command')
    .configureHelp({ showGlobalOptions: true })
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureOutput(output)
  program.addHelpText(
    'after',
    exampleText(['npm start', 'npx pelletline inspect scan.png', 'npx pelletline lots list']),
  )
  for (const { heading, add } of commands) {
    program.commandsGroup(heading)
    for (const addCommand of add) addCommand(program, context)
  }
  return program
}

function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}
