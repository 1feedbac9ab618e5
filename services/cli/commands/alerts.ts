import type { Command } from 'commander'
import type { Alert } from '../../gen/pelletline/events/v1/events_pb.ts'
import { AlertService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { alertColumns, alertJson, alertLine, alertRow } from '../remote/describe-alert.ts'
import { nameAuthor } from '../remote/name-author.ts'

const pageSize = 200

/** `alerts list | ack | watch`. */
export const addAlertsCommand: AddCommand = (program, context) => {
  const alerts = program.command('alerts').description('list, acknowledge and watch the alerts of a running plant')

  withAddress(alerts.command('list'))
    .description('alerts, newest first')
    .option('--line <line>', 'only alerts of this line')
    .option('--unresolved', 'only alerts whose cause persists')
    .option('--limit <n>', 'most alerts to list', parseInteger({ min: 1, max: 100_000 }), 50)
    .addHelpText('after', exampleText(['npx pelletline alerts list --unresolved']))
    .action(
      async (options: { address: string; line?: string; unresolved?: boolean; limit: number }, command: Command) => {
        const terminal = context.terminal(command)
        const found = await callPlant(AlertService, options.address, async (client) => {
          const list: Alert[] = []
          let pageToken = ''
          do {
            const page = await client.listAlerts(
              {
                line: options.line ?? '',
                unresolvedOnly: options.unresolved === true,
                pageSize: Math.min(pageSize, options.limit - list.length),
                pageToken,
              },
              { signal: context.interrupt() },
            )
            list.push(...page.alerts)
            pageToken = page.nextPageToken
          } while (pageToken !== '' && list.length < options.limit)
          return list
        })
        for (const alert of found) terminal.printJson(alertJson(alert))
        if (terminal.json) return
        if (found.length === 0) terminal.print('No alert.')
        else {
          terminal.printTable(alertColumns, found.map(alertRow))
          for (const alert of found) terminal.print(`${alert.id}: ${alert.message}`)
        }
      },
    )

  withAddress(alerts.command('ack'))
    .description('note that a person has seen an alert')
    .argument('<alert>', 'id of the alert')
    .option('--by <name>', 'who has seen it; default: the user of this computer')
    .addHelpText('after', exampleText(['npx pelletline alerts ack alert-000042 --by "A. Miller"']))
    .action(async (alertId: string, options: { address: string; by?: string }, command: Command) => {
      const terminal = context.terminal(command)
      const acknowledgedBy = nameAuthor(options.by)
      const { alert } = await callPlant(AlertService, options.address, (client) =>
        client.acknowledgeAlert({ alertId, acknowledgedBy }, { signal: context.interrupt() }),
      )
      if (alert === undefined) return
      terminal.printJson(alertJson(alert))
      if (!terminal.json) terminal.print(alertLine(alert))
    })

  withAddress(alerts.command('watch'))
    .description('print alerts as they are raised, acknowledged and resolved, until Ctrl-C')
    .option('--line <line>', 'only alerts of this line')
    .addHelpText('after', exampleText(['npx pelletline alerts watch --json']))
    .action(async (options: { address: string; line?: string }, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      terminal.note(`Watching the alerts of ${options.address}; Ctrl-C ends.`)
      await callPlant(AlertService, options.address, async (client) => {
        try {
          for await (const { alert } of client.watchAlerts({ line: options.line ?? '' }, { signal })) {
            if (alert === undefined) continue
            terminal.printJson(alertJson(alert))
            if (!terminal.json) terminal.print(alertLine(alert))
          }
        } catch (reason) {
          if (!signal.aborted || PelletlineError.from(reason).code !== 'cancelled') throw reason
        }
      })
    })
}
