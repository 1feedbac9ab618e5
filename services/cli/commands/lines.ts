import type { Command } from 'commander'
import { RegistryService } from '../../gen/pelletline/registry/v1/registry_pb.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'

/** `lines list`. */
export const addLinesCommand: AddCommand = (program, context) => {
  const lines = program.command('lines').description('list the lines of a running plant')
  withAddress(lines.command('list'))
    .description('all lines with the lot and the recipe in force')
    .addHelpText('after', exampleText(['npx pelletline lines list']))
    .action(async (options: { address: string }, command: Command) => {
      const terminal = context.terminal(command)
      const { lines: found } = await callPlant(RegistryService, options.address, (client) =>
        client.listLines({}, { signal: context.interrupt() }),
      )
      for (const { id, assignment } of found) {
        terminal.printJson({
          id,
          lot: assignment?.lot ?? null,
          recipe: assignment?.recipe?.id ?? null,
          recipeVersion: assignment?.recipe?.version ?? null,
          material: assignment?.recipe?.material ?? null,
        })
      }
      if (terminal.json) return
      if (found.length === 0) {
        terminal.print('No line yet. A line becomes known when its camera connects to the gateway.')
        return
      }
      terminal.printTable(
        [
          { title: 'Line' },
          { title: 'Lot', cut: 'tail' },
          { title: 'Recipe', cut: 'tail' },
          { title: 'Version', align: 'right' },
          { title: 'Material', cut: 'tail' },
        ],
        found.map(({ id, assignment }) => [
          id,
          assignment?.lot ?? '-',
          assignment?.recipe?.id ?? '-',
          String(assignment?.recipe?.version ?? '-'),
          assignment?.recipe?.material || '-',
        ]),
      )
    })
}
