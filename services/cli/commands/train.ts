import { Argument, type Command } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { parseInteger, parseNumber, parseSeed } from '../parse-option.ts'
import { addDataOptions } from '../train/data-options.ts'
import { networkNames, type TrainOptions } from '../train/options.ts'
import { refuseUnused } from '../train/refuse-unused.ts'
import { addSimulationOptions } from '../train/simulation-options.ts'

/** `train NETWORK`. */
export const addTrainCommand: AddCommand = (program, context) => {
  const command = program
    .command('train')
    .summary('train a network from labelled or simulated crops')
    .description(
      'Trains a network to tell OK from NG crops and writes it as ONNX with its manifest, curves and checkpoints. The same ' +
        'command again goes on from the last checkpoint. --data simulated simulates its crops first.',
    )
    .addArgument(new Argument('<network>', 'network to train').choices(networkNames))
    .requiredOption('--data <dir|file>', 'folder with OK/ and NG/, file of packed crops, or the word simulated')
    .requiredOption('--out <dir>', 'folder for the model, its checkpoints and curves')
  addSimulationOptions(addDataOptions(command))
    .option('--epochs <n>', 'epochs; 100 where not given', parseInteger({ min: 1, max: 10_000 }))
    .option('--batch-size <n>', 'crops of a step; 64 where not given', parseInteger({ min: 2, max: 1024 }))
    .option('--rate <x>', "Adam's base learning rate; 1e-4 where not given", parseNumber({ min: 1e-9, max: 1 }))
    .option('--seed <n>', 'seed of weights, order and simulation; 1 where not given', parseSeed)
    .option('--id <name>', "name of the model; the network's where not given")
    .option('--threads <n>', "threads; all of the machine's where not given", parseInteger({ min: 1, max: 256 }))
    .option(
      '--start-from <file>',
      'go on from the weights of this model, its manifest beside it, instead of random ones',
    )
    .option('--config <file>', 'further settings of the training, YAML or JSON')
    .addHelpText(
      'after',
      exampleText([
        'npx pelletline train student --data simulated --count 60000 --epochs 30 --out trained/student-1',
        'npx pelletline train resnet18 --data crops/ --epochs 20 --out trained/resnet18-1',
        'npx pelletline train student --data crops/ --start-from models/student-5.onnx --epochs 5 --rate 3e-4 --out trained/ours',
      ]),
    )
    .action(async (network: (typeof networkNames)[number], options: TrainOptions, command: Command) => {
      refuseUnused(command, options.data)
      const { runTrain } = await import('../train/run-train.ts')
      await runTrain(network, options, context.terminal(command), context.interrupt())
    })
}
