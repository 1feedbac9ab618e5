import { type Command, Option } from 'commander'
import { parseInteger, parseNumber } from '../parse-option.ts'

/** Adds what a person may tell of an image so that its pellets are found: polarity, threshold, diameter. */
export function addSegmentationOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--polarity <polarity>', 'gray of the pellets against the bed').choices([
        'light-on-dark',
        'dark-on-light',
      ]),
    )
    .addOption(methodOption())
    .option('--threshold <gray>', 'gray level between bed and pellets, 0..255', parseInteger({ min: 0, max: 255 }))
    .option('--pellet-diameter <px>', 'diameter of a typical pellet, px', parseNumber({ min: 2, max: 10_000 }))
}

/** How pellets are told from the bed; regions where not given. */
export function methodOption(): Option {
  return new Option('--method <method>', 'how pellets are told from the bed (see docs/segmentation.md)')
    .choices(['regions', 'edges'])
    .default('regions')
}
