import { type Command, Option } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { type InspectOptions, parseScore } from '../inspect/options.ts'
import { parseInteger, parseNumber, parsePixelSize, parseRoi } from '../parse-option.ts'

/** `inspect IMAGE|FOLDER...`. */
export const addInspectCommand: AddCommand = (program, context) => {
  program
    .command('inspect')
    .summary('find, measure and judge every pellet of an image')
    .description(
      'Finds every pellet of an image, measures it and judges it OK or NG (black speck). PNG, JPEG, TIFF and WebP, 8 or ' +
        '16 bit, gray or colour, of any size. Brightness of the bed, polarity and size of the pellets are found from the ' +
        'image unless they are given. Folders are searched for images.',
    )
    .argument('<image...>', 'images, or folders of images')
    .option('--out <dir>', 'write the annotated image and a contact sheet of the worst pellets into this folder')
    .option('--coco <file>', 'write the outlines as COCO segmentation into this file')
    .option('--roi <x,y,w,h>', 'look only at this rectangle, px: left, top, width, height', parseRoi)
    .option(
      '--um-per-px <across[,along]>',
      'size of a pixel in µm: adds measures in mm and a scale bar',
      parsePixelSize,
    )
    .option('--model <id|path>', 'student to judge with; the released one where not given')
    .option('--ng-score <score>', "score from which a pellet is NG, 0..1; the model's own where not given", parseScore)
    .addOption(
      new Option('--polarity <polarity>', 'gray of the pellets against the bed').choices([
        'light-on-dark',
        'dark-on-light',
      ]),
    )
    .option('--threshold <gray>', 'gray level between bed and pellets, 0..255', parseInteger({ min: 0, max: 255 }))
    .option('--pellet-diameter <px>', 'diameter of a typical pellet, px', parseNumber({ min: 2, max: 10_000 }))
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline inspect scan.png',
        'npx pelletline inspect scans/ --out inspected/ --um-per-px 42.3',
        'npx pelletline inspect photo.png --roi 290,0,478,352 --json',
      ]),
    )
    .action(async (images: readonly string[], options: InspectOptions, command: Command) => {
      const { runInspect } = await import('../inspect/run-inspect.ts')
      context.setExitCode(await runInspect(images, options, context.terminal(command), context.interrupt()))
    })
}
