import type { Command } from 'commander'
import { analyticsConfigSchema } from '../../analytics/config.ts'
import { loadConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { checkPostgres, migratePostgres } from '../../shared/store/index.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'

/** The PostgreSQL server that a configuration of analytics names; throws `invalid_argument` where it names none. */
function readDatabase(file: string) {
  const { database } = loadConfig(analyticsConfigSchema, file, { service: 'analytics' })
  if (database.kind === 'postgres') return database
  throw new PelletlineError(
    'invalid_argument',
    `${file} names an embedded database, which the service that opens it brings up to date. Give database.kind postgres.`,
  )
}

/** `database migrate | check`. */
export const addDatabaseCommand: AddCommand = (program, context) => {
  const database = program
    .command('database')
    .description('bring the schema of a PostgreSQL database up to date, check it')
  const withConfig = (command: Command) =>
    command.requiredOption('--config <file>', 'YAML or JSON configuration of analytics, of which `database` is read')

  withConfig(database.command('migrate'))
    .description(
      'bring the schema up to date, in one transaction, as a user who may change it; a repeat changes nothing',
    )
    .addHelpText('after', exampleText(['npx pelletline database migrate --config migrate.yaml']))
    .action(async (options: { config: string }, command: Command) => {
      const terminal = context.terminal(command)
      const config = readDatabase(options.config)
      const { before, after, server } = await migratePostgres(config)
      terminal.printJson({ database: config.database, address: config.address, server, before, after })
      if (terminal.json) return
      const change = before === after ? `is at ${after} already` : `went from ${before} to ${after}`
      terminal.print(`The schema of database ${config.database} at ${config.address} (PostgreSQL ${server}) ${change}.`)
    })

  withConfig(database.command('check'))
    .description('say whether analytics could work with it: server, schema, rights; nothing is changed')
    .addHelpText('after', exampleText(['npx pelletline database check --config analytics.yaml']))
    .action(async (options: { config: string }, command: Command) => {
      const terminal = context.terminal(command)
      const config = readDatabase(options.config)
      const { schema, server } = await checkPostgres(config)
      terminal.printJson({ database: config.database, address: config.address, server, schema })
      if (terminal.json) return
      terminal.print(
        `Database ${config.database} at ${config.address} (PostgreSQL ${server}) is ready: schema version ${schema}, all rights.`,
      )
    })
}
