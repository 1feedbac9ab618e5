import type { Command } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseScore } from '../inspect/options.ts'
import { methodOption } from '../inspect/segmentation-options.ts'
import { parseNumber, parseRoi, type Roi } from '../parse-option.ts'

/** Options of `evaluate segmentation`. */
export interface EvaluateSegmentationCliOptions {
  readonly images: string
  readonly coco: string
  readonly minIou: number
  readonly roi?: Roi
  readonly method?: 'regions' | 'edges'
}

/** Options of `evaluate model`. */
export interface EvaluateModelCliOptions {
  readonly model?: string
  readonly data: string
  readonly ngScore?: number
  readonly smallestSpeck?: number
}

/** `evaluate segmentation | model`. */
export const addEvaluateCommand: AddCommand = (program, context) => {
  const evaluate = program.command('evaluate').description('measure the segmentation or a model on labelled data')

  evaluate
    .command('segmentation')
    .summary('recall and precision against annotated outlines')
    .description(
      'Segments the images of a COCO file and compares the outlines with the annotated ones: recall, precision and count ' +
        'error, with 95 % intervals (Wilson), and the time per megapixel.',
    )
    .requiredOption('--images <dir>', 'folder of the images that the COCO file names')
    .requiredOption('--coco <file>', 'annotations as COCO segmentation')
    .option(
      '--min-iou <share>',
      'intersection over union from which a pellet counts as found',
      parseNumber({ min: 0.01, max: 1 }),
      0.5,
    )
    .option('--roi <x,y,w,h>', 'look only at this rectangle of each image, px', parseRoi)
    .addOption(methodOption())
    .addHelpText(
      'after',
      exampleText(['npx pelletline evaluate segmentation --images scans/ --coco scans/annotations.json']),
    )
    .action(async (options: EvaluateSegmentationCliOptions, command: Command) => {
      const { runEvaluateSegmentation } = await import('../evaluate/run-evaluate-segmentation.ts')
      await runEvaluateSegmentation(options, context.terminal(command), context.interrupt())
    })

  evaluate
    .command('model')
    .summary('confusion, precision, recall, accuracy and AUC on labelled crops')
    .description(
      'Judges labelled 50x50 crops with a model: confusion, precision, recall, accuracy, AUC, escapes and overkill, each ' +
        'with a 95 % interval. NG is the positive class.',
    )
    .option('--model <id|path>', 'model to measure; the released student where not given')
    .requiredOption('--data <dir|file>', 'folder with the folders OK and NG, or a file of packed crops')
    .option('--ng-score <score>', "score from which a crop is NG, 0..1; the model's own where not given", parseScore)
    .option(
      '--smallest-speck <px>',
      'speck diameter from which a miss is an escape',
      parseNumber({ min: 0.1, max: 50 }),
    )
    .addHelpText('after', exampleText(['npx pelletline evaluate model --model student-1 --data crops/test']))
    .action(async (options: EvaluateModelCliOptions, command: Command) => {
      const { runEvaluateModel } = await import('../evaluate/run-evaluate-model.ts')
      await runEvaluateModel(options, context.terminal(command), context.interrupt())
    })
}
