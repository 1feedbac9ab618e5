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
    .addOption(ofRecording('--out <file>', 'recording to write'))
    .addOption(
      new Option('--reference <kind>', 'recording: of a calibration reference instead of product')
        .choices(['dark', 'light'])
        .conflicts(['crops', 'fault', 'coding', 'prevalence']),
    )
    .addOption(ofRecording('--seconds <n>', 'length of the recording').argParser(parseSeconds))
    .option('--crops <file>', 'file of packed crops to write')
    .addOption(ofCrops('--count <n>', 'crops to simulate').argParser(parseInteger({ min: 1, max: 10_000_000 })))
    .option('--seed <n>', 'seed', parseSeed, 1)
    .addOption(
      ofRecording('--prevalence <share>', 'recording: share of NG pellets by truth').argParser(
        parseNumber({ min: 0.00001, max: 0.5 }),
      ),
    )
    .addOption(
      ofRecording('--line-width <px>', 'recording: pixels across the belt').argParser(
        parseInteger({ min: 128, max: 65_536 }),
      ),
    )
    .addOption(
      ofRecording('--rate <rows/s>', 'recording: rows per second').argParser(parseInteger({ min: 1, max: 1_000_000 })),
    )
    .addOption(ofRecording('--preset <name>', 'recording: kind of line').choices(['default', 'wide']))
    .addOption(ofRecording('--coding <name>', 'recording: how pixels are stored').choices(['raw', 'zstd']))
    .addOption(
      ofRecording('--fault <name@time>', 'recording: a fault and when it begins; may be repeated').argParser(
        collectText,
      ),
    )
    .addOption(ofRecording('--config <file>', 'recording: further settings of the line, YAML or JSON'))
    .addOption(
      ofCrops('--ng-share <share>', 'crops: share that is NG; 0.5 where not given').argParser(
        parseNumber({ min: 0, max: 1 }),
      ),
    )
    .addOption(
      ofCrops('--sub-size-share <share>', 'crops: share with specks too small to count').argParser(
        parseNumber({ min: 0, max: 1 }),
      ),
    )
    .addOption(
      ofCrops(
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

/** An option that crops have no use for. */
function ofRecording(flags: string, description: string): Option {
  return new Option(flags, description).conflicts('crops')
}

/** An option that a recording has no use for. */
function ofCrops(flags: string, description: string): Option {
  return new Option(flags, description).conflicts(['out', 'reference'])
}
