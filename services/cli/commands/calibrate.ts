import { type Command, InvalidArgumentError, Option } from 'commander'
import { defaultSpeckDemand } from '../../shared/vision/smallest-speck.ts'
import type { CalibrateOptions } from '../calibrate/options.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { collectText, parseNumber, parsePixelSize } from '../parse-option.ts'

/** `calibrate --dark FILE --light FILE --out NAME.calibration.json`, or `--check`. */
export const addCalibrateCommand: AddCommand = (program, context) => {
  program
    .command('calibrate')
    .summary('measure dark level, gain and noise of a camera, column by column')
    .description(
      'Makes the calibration of a camera from a dark reference (lens covered) and a light one (an even white or gray\n' +
        "target), recordings or gray images whose rows are the camera's: dark level and gain of each column, bad columns,\n" +
        'noise, and the smallest speck that this optics tells. Unusable references are refused with the reason. --check\n' +
        'compares a calibration with fresh references instead; exit code 1 where it holds no more.',
    )
    .requiredOption('--dark <file>', 'dark reference; may be repeated', collectText)
    .requiredOption('--light <file>', 'light reference; may be repeated', collectText)
    .option('--out <name.calibration.json>', 'calibration to write')
    .addOption(
      new Option('--check <file>', 'calibration to compare with the references').conflicts([
        'out',
        'umPerPx',
        'edge',
        'blur',
        'speed',
        'exposure',
        'plot',
      ]),
    )
    .addOption(new Option('--bits <n>', "depth of the camera's pixels; 8 where not given").choices(['8', '10', '12']))
    .option(
      '--um-per-px <across[,along]>',
      "size of a pixel in µm; the recording's own where not given",
      parsePixelSize,
    )
    .addOption(
      new Option('--edge <image>', 'picture of a sharp edge along the belt, to measure the blur by').conflicts('blur'),
    )
    .option('--blur <px>', 'blur of lens and sensor as a standard deviation', parseNumber({ min: 0, max: 20 }))
    .option('--speed <mm/s>', 'speed of the product, with --exposure', parseNumber({ min: 0, max: 100_000 }))
    .option('--exposure <us>', 'time of exposure of a row in µs, with --speed', parseNumber({ min: 0, max: 1_000_000 }))
    .option('--plot <file>', 'write profile and gain as a plot, .svg or .png', parsePlotPath)
    .option(
      '--contrast <share>',
      'smallest speck: contrast, 1 - gray of the speck / gray round it',
      parseNumber({ min: 0.01, max: 1 }),
      defaultSpeckDemand.contrast,
    )
    .option(
      '--product-gray <level>',
      'smallest speck: gray of the product after correction, 8 bit',
      parseNumber({ min: 16, max: 255 }),
      defaultSpeckDemand.productGray,
    )
    .option(
      '--false-calls <n>',
      'smallest speck: false calls per million pellets',
      parseNumber({ min: 0.001, max: 100_000 }),
      defaultSpeckDemand.falseCallsPerMillion,
    )
    .option(
      '--pellet-area <px>',
      'smallest speck: area of a pellet',
      parseNumber({ min: 12, max: 1_000_000 }),
      defaultSpeckDemand.pelletAreaPx,
    )
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline calibrate --dark dark.plr --light white.plr --blur 0.7 --out line-1.calibration.json',
        'npx pelletline calibrate --dark dark.png --light white.png --bits 12 --um-per-px 80 --edge edge.png --out a.calibration.json --plot a.svg',
        'npx pelletline calibrate --check line-1.calibration.json --dark dark.plr --light white.plr',
      ]),
    )
    .action(async (options: CalibrateOptions, command: Command) => {
      const { runCalibrate } = await import('../calibrate/run-calibrate.ts')
      context.setExitCode(await runCalibrate(options, context.terminal(command), context.interrupt()))
    })
}

function parsePlotPath(text: string): string {
  if (/\.(svg|png)$/.test(text)) return text
  throw new InvalidArgumentError('A file name that ends in .svg or .png is needed.')
}
