import { type Command, Option } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import type { ExplainOptions } from '../explain/options.ts'
import { parseScore } from '../inspect/options.ts'
import { addSegmentationOptions } from '../inspect/segmentation-options.ts'
import { collectText, parseRoi } from '../parse-option.ts'

/** `explain IMAGE|FOLDER...`. */
export const addExplainCommand: AddCommand = (program, context) => {
  const command = program
    .command('explain')
    .summary('heatmaps of what a model looks at (Grad-CAM)')
    .description(
      'Shows where a model sees what speaks for NG, as heatmaps over the pellets (Grad-CAM). Images of 50x50 px are crops ' +
        'and are explained as they are; in any other image the pellets are found first, and those that the model calls NG ' +
        'are explained. Folders are searched for images.',
    )
    .argument('[image...]', 'crops or other images, or folders of them')
    .option('--out <dir>', 'write a picture of each pellet and the contact sheet heatmaps.png into this folder')
    .option('--model <id|path>', 'model to explain; the released student where not given')
    .option(
      '--layer <name>',
      'layer whose map is shown; may be given more than once; the last convolution where not given',
      collectText,
    )
    .option('--list-layers', 'list the layers of the model that can be shown, and nothing else')
    .addOption(
      new Option('--score <score>', 'what is explained: the softmax score of the class or its logit')
        .choices(['probability', 'logit'])
        .default('probability'),
    )
    .addOption(new Option('--target <class>', 'what the heat speaks for').choices(['NG', 'OK']).default('NG'))
    .option('--all', 'explain every judged pellet of an image, not only those that are NG')
    .option('--ng-score <score>', "score from which a pellet is NG, 0..1; the model's own where not given", parseScore)
    .option('--roi <x,y,w,h>', 'look only at this rectangle, px: left, top, width, height', parseRoi)
  addSegmentationOptions(command)
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline explain scan.png --out heat/',
        'npx pelletline explain crops/NG --model student --layer block2.second --out heat/',
        'npx pelletline explain --model teacher --list-layers',
      ]),
    )
    .action(async (images: readonly string[], options: ExplainOptions, action: Command) => {
      const { runExplain } = await import('../explain/run-explain.ts')
      context.setExitCode(await runExplain(images, options, context.terminal(action), context.interrupt()))
    })
}
