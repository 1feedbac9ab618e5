import { type Command, InvalidArgumentError, Option } from 'commander'
import type { ReadFolderOptions } from '../../shared/dataset/read-image-folder.ts'

/** How a folder of images is read; options of every command that trains. */
export interface DataOptions {
  readonly groupPattern?: RegExp
  readonly groupColumn?: string
  readonly strict?: boolean
  readonly otherSizes?: 'pad' | 'refuse'
}

/** Adds `--group-pattern`, `--group-column`, `--strict` and `--other-sizes` to a command with `--data`. */
export function addDataOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--group-pattern <regex>',
        'pattern on file names whose first capture names the group (patient, lot, scan) that a split keeps together',
      )
        .argParser(parsePattern)
        .conflicts('groupColumn'),
    )
    .option(
      '--group-column <name>',
      'column that names the group in a .csv or .tsv of the folder; a column group is taken without asking',
    )
    .option('--strict', 'refuse images that cannot be used or have no group, instead of naming them')
    .addOption(
      new Option('--other-sizes <how>', 'smaller images: pad them with black to a crop, or refuse to use them')
        .choices(['pad', 'refuse'])
        .default('pad'),
    )
}

/** The same options as the reader of folders takes them. */
export function toReadOptions({ groupPattern, groupColumn, strict, otherSizes }: DataOptions): ReadFolderOptions {
  return {
    ...(groupPattern !== undefined && { group: groupPattern }),
    ...(groupColumn !== undefined && { groupColumn }),
    ...(strict !== undefined && { strict }),
    ...(otherSizes !== undefined && { otherSizes }),
  }
}

function parsePattern(text: string): RegExp {
  try {
    return new RegExp(text)
  } catch (reason) {
    throw new InvalidArgumentError(
      `A regular expression is needed, e.g. '^(P\\d+)-' (${reason instanceof Error ? reason.message : reason}).`,
    )
  }
}
