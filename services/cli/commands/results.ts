import type { Command } from 'commander'
import { LotService, type WatchResultsResponse } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { formatPelletName } from '../../shared/telemetry/pellet-name.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { formatCount } from '../format-number.ts'
import { parseInteger } from '../parse-option.ts'
import { callPlant, withAddress } from '../remote/connect-plant.ts'
import { reconciliationJson } from '../remote/describe-lot.ts'

interface ResultsOptions {
  readonly address: string
  readonly after: number
  readonly follow?: boolean
}

/** `results LOT`. */
export const addResultsCommand: AddCommand = (program, context) => {
  withAddress(program.command('results'))
    .description('the results of a lot, strip by strip, with its NG pellets')
    .argument('<lot>', 'name of the lot')
    .option('--after <position>', 'take up behind this position', parseInteger({ min: 0 }), 0)
    .option('--follow', 'wait for further results until Ctrl-C')
    .addHelpText(
      'after',
      exampleText(['npx pelletline results LOT-0042', 'npx pelletline results LOT-0042 --follow --json']),
    )
    .action(async (lot: string, options: ResultsOptions, command: Command) => {
      const terminal = context.terminal(command)
      const signal = context.interrupt()
      const sums = { parts: 0, found: 0n, classified: 0n, ng: 0n, position: BigInt(options.after) }
      await callPlant(LotService, options.address, async (client) => {
        // An unknown lot has no results; asking for it first tells the two apart.
        await client.getLot({ lot }, { signal })
        try {
          for await (const result of client.watchResults(
            { lot, afterPosition: sums.position, untilNow: options.follow !== true },
            { signal },
          )) {
            sums.parts++
            sums.found += result.reconciliation?.found ?? 0n
            sums.classified += result.reconciliation?.classified ?? 0n
            sums.ng += BigInt(result.ngPellets.length)
            sums.position = result.position
            terminal.printJson(resultJson(result))
            if (!terminal.json) for (const line of ngLines(result)) terminal.print(line)
          }
        } catch (reason) {
          if (!signal.aborted || PelletlineError.from(reason).code !== 'cancelled') throw reason
        } finally {
          // Where the plant goes away in the middle, the place to take up is needed most.
          terminal.note(
            `${formatCount(sums.parts)} strip parts: ${formatCount(sums.found)} pellets found, ${formatCount(sums.classified)} classified, ` +
              `${formatCount(sums.ng)} NG. Take up with --after ${sums.position}.`,
          )
        }
      })
    })
}

function resultJson(result: WatchResultsResponse): object {
  return {
    position: result.position,
    lot: result.lot,
    ...keyJson(result),
    part: result.part,
    simulated: result.simulated,
    ngPellets: result.ngPellets.map(({ key, box, margin }) => ({
      index: key?.index ?? 0,
      box: { x: box?.x ?? 0, y: box?.y ?? 0n, width: box?.width ?? 0, height: box?.height ?? 0 },
      margin,
    })),
    reconciliation: reconciliationJson(result.reconciliation),
  }
}

function keyJson({ key }: WatchResultsResponse): object {
  return { plant: key?.plant, line: key?.line, camera: key?.camera, run: key?.run, strip: key?.strip }
}

function ngLines({ key, ngPellets }: WatchResultsResponse): string[] {
  return ngPellets.map(({ key: pellet, box, margin }) => {
    const name = formatPelletName({ strip: key, index: pellet?.index ?? 0 })
    return `NG  ${name}  at x ${box?.x ?? 0}, row ${box?.y ?? 0n}, ${box?.width ?? 0} x ${box?.height ?? 0} px, margin ${margin.toFixed(2)}`
  })
}
