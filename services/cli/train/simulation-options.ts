import { type Command, Option } from 'commander'
import type { CropVariety } from '../../line-simulator/index.ts'
import { parseInteger, parseNumber } from '../parse-option.ts'

/** What training crops are of: one kind of line, or equal parts of several. */
export type TrainingVariety = CropVariety | 'mixed' | 'all'

/** What `--data simulated` simulates. */
export interface SimulationOptions {
  readonly count: number
  readonly testCount?: number
  readonly ngShare: number
  readonly subSizeShare: number
  readonly variety: TrainingVariety
}

/** Adds the options of `--data simulated` to a command that trains. */
export function addSimulationOptions(command: Command): Command {
  return command
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
        'simulated: training crops of the default line, with what is rare on it made frequent, varied far beyond it, half default and half varied, or a third of each',
      )
        .choices(['line', 'rare', 'wide', 'mixed', 'all'])
        .default('mixed'),
    )
}
