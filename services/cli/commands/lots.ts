import type { Command } from 'commander'
import { type Lot, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { lotColumns, lotDetails, lotJson, lotRow } from '../remote/describe-lot.ts'
import type { Terminal } from '../terminal.ts'

const pageSize = 200

/** `lots list | show | open | close`. */
export const addLotsCommand: AddCommand = (program, context) => {
  const lots = program.command('lots').description('list, show, open and close the lots of a running plant')

  withAddress(lots.command('list'))
    .description('lots, newest first')
    .option('--line <line>', 'only lots of this line')
    .option('--limit <n>', 'most lots to list', parseInteger({ min: 1, max: 100_000 }), 50)
    .addHelpText('after', exampleText(['npx pelletline lots list --line line-1']))
    .action(async (options: { address: string; line?: string; limit: number }, command: Command) => {
      const terminal = context.terminal(command)
      const found = await callPlant(LotService, options.address, async (client) => {
        const list: Lot[] = []
        let pageToken = ''
        do {
          const page = await client.listLots(
            { line: options.line ?? '', pageSize: Math.min(pageSize, options.limit - list.length), pageToken },
            { signal: context.interrupt() },
          )
          list.push(...page.lots)
          pageToken = page.nextPageToken
        } while (pageToken !== '' && list.length < options.limit)
        return list
      })
      for (const lot of found) terminal.printJson(lotJson(lot))
      if (terminal.json) return
      if (found.length === 0) terminal.print('No lot yet. Open one with `npx pelletline lots open LOT --line LINE`.')
      else terminal.printTable(lotColumns, found.map(lotRow))
    })

  withAddress(lots.command('show'))
    .description('one lot with its figures and the reconciliation of its counts')
    .argument('<lot>', 'name of the lot')
    .addHelpText('after', exampleText(['npx pelletline lots show LOT-0042']))
    .action(async (lot: string, options: { address: string }, command: Command) => {
      const answer = await callPlant(LotService, options.address, (client) =>
        client.getLot({ lot }, { signal: context.interrupt() }),
      )
      printLot(context.terminal(command), answer.lot)
    })

  withAddress(lots.command('open'))
    .description('open a lot on a line; it takes effect at the next strip')
    .argument('<lot>', 'name of the lot, unique in the plant')
    .requiredOption('--line <line>', 'line that the lot runs on')
    .option('--recipe <recipe>', 'recipe; the present one of the line where not given')
    .option('--job <id>', 'job of the MES; makes the call repeatable')
    .addHelpText('after', exampleText(['npx pelletline lots open LOT-0042 --line line-1']))
    .action(
      async (
        lot: string,
        options: { address: string; line: string; recipe?: string; job?: string },
        command: Command,
      ) => {
        const answer = await callPlant(LotService, options.address, (client) =>
          client.openLot(
            { lot, line: options.line, recipe: options.recipe ?? '', externalJobId: options.job ?? '' },
            { signal: context.interrupt() },
          ),
        )
        printLot(context.terminal(command), answer.lot)
      },
    )

  withAddress(lots.command('close'))
    .description('end a lot at the next strip; it closes once all its strips are counted')
    .argument('<lot>', 'name of the lot')
    .addHelpText('after', exampleText(['npx pelletline lots close LOT-0042']))
    .action(async (lot: string, options: { address: string }, command: Command) => {
      const answer = await callPlant(LotService, options.address, (client) =>
        client.closeLot({ lot }, { signal: context.interrupt() }),
      )
      printLot(context.terminal(command), answer.lot)
    })
}

function printLot(terminal: Terminal, lot: Lot | undefined): void {
  if (lot === undefined) return
  terminal.printJson(lotJson(lot))
  if (!terminal.json) terminal.printTable([{ title: 'What' }, { title: 'Value' }], lotDetails(lot))
}
