import type { Command } from 'commander'
import { type GetLotDistributionsResponse, type Lot, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { lotColumns, lotDetails, lotJson, lotRow } from '../remote/describe-lot.ts'
import { sizeColumns, sizeDetails, sizeRows, sizeSummaryJson, sizesJson, sizeTitle } from '../remote/describe-sizes.ts'
import type { Terminal } from '../terminal.ts'

const pageSize = 200

/** `lots list | show | sizes | open | close`. */
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
    .description('one lot with its figures, shapes, specks and sizes, and the reconciliation of its counts')
    .argument('<lot>', 'name of the lot')
    .addHelpText('after', exampleText(['npx pelletline lots show LOT-0042']))
    .action(async (lot: string, options: { address: string }, command: Command) => {
      const signal = context.interrupt()
      const [answer, sizes] = await callPlant(LotService, options.address, async (client) => [
        await client.getLot({ lot }, { signal }),
        await client.getLotDistributions({ lot }, { signal }),
      ])
      printLot(context.terminal(command), answer.lot, sizes)
    })

  withAddress(lots.command('sizes'))
    .description('distributions of the diameters of pellets and specks of one lot')
    .argument('<lot>', 'name of the lot')
    .addHelpText('after', exampleText(['npx pelletline lots sizes LOT-0042']))
    .action(async (lot: string, options: { address: string }, command: Command) => {
      const sizes = await callPlant(LotService, options.address, (client) =>
        client.getLotDistributions({ lot }, { signal: context.interrupt() }),
      )
      printSizes(context.terminal(command), sizes)
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

function printLot(terminal: Terminal, lot: Lot | undefined, sizes?: GetLotDistributionsResponse): void {
  if (lot === undefined) return
  terminal.printJson({ ...lotJson(lot), ...(sizes === undefined ? {} : { sizes: sizeSummaryJson(sizes) }) })
  if (terminal.json) return
  const rows = [...lotDetails(lot), ...(sizes === undefined ? [] : sizeDetails(sizes))]
  terminal.printTable([{ title: 'What' }, { title: 'Value' }], rows)
}

function printSizes(terminal: Terminal, sizes: GetLotDistributionsResponse): void {
  terminal.printJson(sizesJson(sizes))
  if (terminal.json) return
  if (sizes.pellets.length + sizes.specks.length === 0) terminal.print('Nothing of this lot has been measured yet.')
  for (const what of ['pellets', 'specks'] as const) {
    for (const distribution of sizes[what]) {
      terminal.print(sizeTitle(what === 'pellets' ? 'Pellets' : 'Specks', distribution))
      terminal.printTable(sizeColumns, sizeRows(distribution))
      terminal.print('')
    }
  }
}
