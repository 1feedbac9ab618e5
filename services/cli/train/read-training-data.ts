import { join } from 'node:path'
import { createRandom, type ExperimentData } from '../../distillation/index.ts'
import { describeSplit } from '../../shared/dataset/read-splits.ts'
import type { Terminal } from '../terminal.ts'
import type { DataOptions } from './data-options.ts'
import { readSplits } from './read-splits.ts'
import { simulateSplits } from './simulate-splits.ts'
import type { SimulationOptions } from './simulation-options.ts'

/** Where a command that trains has its crops from, and where it may keep simulated ones. */
export interface TrainingDataOptions extends DataOptions, SimulationOptions {
  /** Folder of images, file or folder of packed crops, or `simulated`. */
  readonly data: string
  readonly out: string
}

/** Reads or simulates the parts of an experiment, and says how they came about; errors as of `readSplits`. */
export async function readTrainingData(
  options: TrainingDataOptions,
  seed: number,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<ExperimentData> {
  if (options.data !== 'simulated') {
    const random = createRandom(seed, 'split').uniform
    const read = await readSplits(options.data, random, terminal, signal, options)
    const { crops, skipped, padded } = read
    return { splits: crops, source: options.data, split: describeSplit(read, seed), skipped, padded }
  }
  const { count, testCount = Math.ceil(count / 2), ngShare, subSizeShare, variety } = options
  const folder = join(options.out, 'data')
  const splits = await simulateSplits(
    { count, testCount, ngShare, subSizeShare, variety, seed, folder },
    terminal,
    signal,
  )
  return {
    splits,
    source: `simulated crops in ${folder}`,
    split: 'simulated with seeds of their own',
    skipped: [],
    padded: 0,
  }
}
