import { type Command, Option } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { collectText, parseInteger, parseNumber, parseSeconds, parseSeed } from '../parse-option.ts'
import type { SimulateOptions } from '../simulate/options.ts'

/** `simulate --out FILE` records a simulated line, `simulate --crops FILE` packs simulated training crops. */
export const addSimulateCommand: AddCommand = (program, context) => {
  program
    .command('simulate')
    .summary('simulate a line, or crops to train on, with known truth')
    .description(
      'Simulates a line whose truth is known: --out records its strips (replay them with `pelletline replay`), the truth\n' +
        'stands beside it in FILE.truth.jsonl; --crops packs labelled 50x50 crops to train or to evaluate on. The same\n' +
        'options and seed give the same bytes.',
    )
    .addOption(new Option('--out <file>', 'recording to write').conflicts('crops'))
    .addOption(
      new Option('--reference <kind>', 'recording: of a calibration reference instead of product')
        .choices(['dark', 'light'])
        .conflicts('crops'),
    )
    .option('--seconds <n>', 'length of the recording', parseSeconds)
    .option('--crops <file>', 'file of packed crops to write')
    .option('--count <n>', 'crops to simulate', parseInteger({ min: 1, max: 10_000_000 }))
    .option('--seed <n>', 'seed', parseSeed, 1)
    .option('--prevalence <share>', 'recording: share of NG pellets by truth', parseNumber({ min: 0.00001, max: 0.5 }))
    .option('--line-width <px>', 'recording: pixels across the belt', parseInteger({ min: 128, max: 65_536 }))
    .option('--rate <rows/s>', 'recording: rows per second', parseInteger({ min: 1, max: 1_000_000 }))
    .addOption(new Option('--preset <name>', 'recording: kind of line').choices(['default', 'wide']))
    .addOption(new Option('--coding <name>', 'recording: how pixels are stored').choices(['raw', 'zstd']))
    .option('--fault <name@time>', 'recording: a fault and when it begins; may be repeated', collectText)
    .option('--config <file>', 'recording: further settings of the line, YAML or JSON')
    .option('--ng-share <share>', 'crops: share that is NG; 0.5 where not given', parseNumber({ min: 0, max: 1 }))
    .option('--sub-size-share <share>', 'crops: share with specks too small to count', parseNumber({ min: 0, max: 1 }))
    .addOption(
      new Option(
        '--variety <name>',
        'crops: of the default line, with what is rare on it made frequent, or varied far beyond it; line where not given',
      ).choices(['line', 'rare', 'wide']),
    )
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline simulate --out line.plr --seconds 20 --seed 7 --prevalence 0.001',
        'npx pelletline simulate --out dark.plr --seconds 30 --fault product-darkens@10s',
        'npx pelletline simulate --out white.plr --reference light --seconds 1',
        'npx pelletline simulate --crops test.crops --count 20000 --seed 99 --ng-share 0.1',
      ]),
    )
    .action(async (options: SimulateOptions, command: Command) => {
      const { runSimulate } = await import('../simulate/run-simulate.ts')
      await runSimulate(options, context.terminal(command), context.interrupt())
    })
}
