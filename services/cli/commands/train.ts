import { Argument, type Command, Option } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger, parseNumber, parseSeed } from '../parse-option.ts'
import { addDataOptions } from '../train/data-options.ts'
import { networkNames, type TrainOptions } from '../train/options.ts'

/** `train student | resnet18`. */
export const addTrainCommand: AddCommand = (program, context) => {
  const command = program
    .command('train')
    .summary('train a network from labelled or simulated crops')
    .description(
      'Trains a network to tell OK from NG crops and writes it as ONNX with its manifest, curves and checkpoints. The same ' +
        'command again goes on after the last whole epoch. --data simulated simulates its crops first.',
    )
    .addArgument(new Argument('<network>', 'network to train').choices(networkNames))
    .requiredOption('--data <dir|file>', 'folder with OK/ and NG/, file of packed crops, or the word simulated')
    .requiredOption('--out <dir>', 'folder for the model, its checkpoints and curves')
  addDataOptions(command)
    .option('--epochs <n>', 'epochs; 100 where not given', parseInteger({ min: 1, max: 10_000 }))
    .option('--batch-size <n>', 'crops of a step; 64 where not given', parseInteger({ min: 2, max: 1024 }))
    .option('--rate <x>', "Adam's base learning rate; 1e-4 where not given", parseNumber({ min: 1e-9, max: 1 }))
    .option('--seed <n>', 'seed of weights, order and simulation; 1 where not given', parseSeed)
    .option('--id <name>', "name of the model; the network's where not given")
    .option('--threads <n>', "threads; all of the machine's where not given", parseInteger({ min: 1, max: 256 }))
    .option('--config <file>', 'further settings of the training, YAML or JSON')
    .option(
      '--count <n>',
      'simulated: training crops; half as many of the default line are added for validation',
      parseInteger({ min: 20, max: 10_000_000 }),
      20_000,
    )
    .option(
      '--test-count <n>',
      'simulated: test crops, of the default line with 10 % NG; half of --count where not given',
      parseInteger({ min: 20, max: 10_000_000 }),
    )
    .option(
      '--ng-share <share>',
      'simulated: share of the training crops that is NG',
      parseNumber({ min: 0.001, max: 0.999 }),
      0.5,
    )
    .option(
      '--sub-size-share <share>',
      'simulated: share of the training crops with specks too small to count',
      parseNumber({ min: 0, max: 0.9 }),
      0,
    )
    .addOption(
      new Option(
        '--variety <name>',
        'simulated: training crops of the default line, varied far beyond it, or half of each',
      )
        .choices(['line', 'wide', 'mixed'])
        .default('mixed'),
    )
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline train student --data simulated --count 60000 --epochs 30 --out trained/student-1',
        'npx pelletline train resnet18 --data crops/ --epochs 20 --out trained/resnet18-1',
      ]),
    )
    .action(async (network: (typeof networkNames)[number], options: TrainOptions, command: Command) => {
      const { runTrain } = await import('../train/run-train.ts')
      await runTrain(network, options, context.terminal(command), context.interrupt())
    })
}
