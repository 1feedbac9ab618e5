import { type Command, Option } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import type { DistillOptions } from '../distill/options.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger, parseSeed } from '../parse-option.ts'
import { addDataOptions } from '../train/data-options.ts'
import { refuseUnused } from '../train/refuse-unused.ts'
import { addSimulationOptions } from '../train/simulation-options.ts'

/** `distill`. */
export const addDistillCommand: AddCommand = (program, context) => {
  const command = program
    .command('distill')
    .summary('run the whole experiment: three teachers, a plain and a distilled student, report')
    .description(
      'Trains VGG-16, VGG-19 and ResNet-18 on labelled crops, lets them teach a small student, trains the same student ' +
        'without them, and writes a report that compares all of them (report/index.html) beside the models. A queue of jobs: ' +
        'the same command again goes on where it was stopped, and more seeds or a sweep are added to what is there.',
    )
    .requiredOption('--data <dir|file>', 'folder with OK/ and NG/, file of packed crops, or the word simulated')
    .requiredOption('--out <dir>', 'folder for models, checkpoints and report')
    .option('--config <file>', 'settings of the experiment, YAML or JSON; the default is the paper: 100 epochs each')
    .addOption(
      new Option(
        '--quick',
        '1,000 training crops, few epochs, one seed: all but the study of labels in minutes, at the price of accuracy',
      ).conflicts('config'),
    )
    .option(
      '--teachers <files>',
      'models that teach as they are, separated by commas, each with its manifest beside it; no teacher is trained then',
    )
    .option(
      '--start-from <file>',
      'model that the students go on from, its manifest beside it, instead of random weights',
    )
    .option('--seed <n>', 'first seed of weights, order and simulation; 1 where not given', parseSeed)
    .option('--seeds <n>', 'repeat the students with so many seeds, for intervals', parseInteger({ min: 1, max: 100 }))
    .option('--sweep', 'try temperatures and lambdas on the validation part')
    .option('--label-study', 'ask where distillation pays: few labels, wrong labels')
    .option('--plan', 'show the queue of jobs and stop')
    .option('--threads <n>', "threads; all of the machine's where not given", parseInteger({ min: 1, max: 256 }))
  addSimulationOptions(addDataOptions(command))
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline distill --data crops/ --out experiments/first --quick',
        "npx pelletline distill --data crops/ --group-pattern '^(lot\\d+)-' --out experiments/paper --seeds 5",
        'npx pelletline distill --data crops/ --out experiments/taught --teachers models/vgg16-2.onnx,models/resnet18-1.onnx',
        'npx pelletline distill --data simulated --variety all --count 60000 --test-count 20000 --config models/training/release-5.yaml --out experiments/release-5',
      ]),
    )
    .action(async (options: DistillOptions, action: Command) => {
      refuseUnused(action, options.data)
      const { runDistill } = await import('../distill/run-distill.ts')
      await runDistill(options, context.terminal(action), context.interrupt())
    })
}
