import type { Command } from 'commander'
import { defaultMinSpeckContrast } from '../../shared/inspection/speck-contrast.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { type InspectOptions, parseScore } from '../inspect/options.ts'
import { addSegmentationOptions } from '../inspect/segmentation-options.ts'
import { parseNumber, parsePixelSize, parseRoi } from '../parse-option.ts'

/** `inspect IMAGE|FOLDER...`. */
export const addInspectCommand: AddCommand = (program, context) => {
  const command = program
    .command('inspect')
    .summary('find, measure and judge every pellet of an image')
    .description(
      'Finds every pellet of an image, measures it and judges it OK or NG (black speck). PNG, JPEG, TIFF and WebP, 8 or ' +
        '16 bit, gray or colour, of any size. Brightness of the bed, polarity and size of the pellets are found from the ' +
        'image unless they are given. Folders are searched for images.',
    )
    .argument('<image...>', 'images, or folders of images')
    .option('--out <dir>', 'write the annotated image and a contact sheet of the worst pellets into this folder')
    .option('--crops <dir>', 'write the 50x50 crop of every judged pellet into this folder, to label and train on')
    .option('--coco <file>', 'write the outlines as COCO segmentation into this file')
    .option('--roi <x,y,w,h>', 'look only at this rectangle, px: left, top, width, height', parseRoi)
    .option(
      '--um-per-px <across[,along]>',
      'size of a pixel in µm: adds measures in mm and a scale bar',
      parsePixelSize,
    )
    .option('--model <id|path>', 'student to judge with; the released one where not given')
    .option('--ng-score <score>', "score from which a pellet is NG, 0..1; the model's own where not given", parseScore)
    .option(
      '--smallest-speck <px>',
      'equivalent diameter from which black specks are reported, px; 0: they are not measured',
      parseNumber({ min: 0, max: 1000 }),
      3,
    )
    .option(
      '--speck-contrast <contrast>',
      'contrast against the shading of its pellet from which a dark region is a speck, 0.02..1',
      parseNumber({ min: 0.02, max: 1 }),
      defaultMinSpeckContrast,
    )
    .option(
      '--reference-gray <gray>',
      'mean gray of good product, 0..255: adds the deviation of each pellet from it',
      parseNumber({ min: 0, max: 255 }),
    )
  addSegmentationOptions(command)
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline inspect scan.png',
        'npx pelletline inspect scans/ --out inspected/ --um-per-px 42.3',
        'npx pelletline inspect scans/ --crops crops/',
        'npx pelletline inspect photo.png --roi 290,0,478,352 --json',
        'npx pelletline inspect scan.png --smallest-speck 2.5 --reference-gray 172 --json',
      ]),
    )
    .action(async (images: readonly string[], options: InspectOptions, action: Command) => {
      const { runInspect } = await import('../inspect/run-inspect.ts')
      context.setExitCode(await runInspect(images, options, context.terminal(action), context.interrupt()))
    })
}
