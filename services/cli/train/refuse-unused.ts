import type { Command } from 'commander'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { DataOptions } from './data-options.ts'
import type { SimulationOptions } from './simulation-options.ts'

const ofSimulation: readonly (keyof SimulationOptions)[] = ['count', 'testCount', 'ngShare', 'subSizeShare', 'variety']
const ofImages: readonly (keyof DataOptions)[] = ['groupPattern', 'groupColumn', 'strict', 'otherSizes']

/**
 * Refuses by name what a command that trains would not use: how crops are simulated where they are given, and how a folder is
 * read where they are simulated. Defaults are nobody's wish. Throws `invalid_argument`.
 */
export function refuseUnused(command: Command, data: string): void {
  const simulated = data === 'simulated'
  const unused: readonly string[] = simulated ? ofImages : ofSimulation
  const given = command.options
    .filter((option) => unused.includes(option.attributeName()))
    .filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli')
    .map(({ long }) => long)
  if (given.length === 0) return
  const [are, them] = given.length === 1 ? ['is', 'it'] : ['are', 'them']
  const text = simulated
    ? `${given.join(', ')} ${are} for crops that are read, and --data simulated reads none; leave ${them} out.`
    : `${given.join(', ')} ${are} for simulated crops, and those of ${data} are taken as they are; leave ${them} out, or give --data simulated.`
  throw new PelletlineError('invalid_argument', text)
}
