import { createHash } from 'node:crypto'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CropSplits } from '../../shared/dataset/crop-dataset.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { lockFolder } from '../../shared/files/lock-folder.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { removeLeftovers } from '../../shared/files/remove-leftovers.ts'
import { writeFileAtomically } from '../../shared/files/write-file-atomically.ts'
import {
  differingExperimentKeys,
  type ExperimentConfig,
  parseExperimentConfig,
  settingsOfStudies,
} from './experiment-config.ts'
import { type DoneMark, doneSchema, experimentSchema } from './folder-manifest.ts'

/** Keys by which an experiment may grow in its folder: but for `settingsOfStudies` they add jobs and change none. */
const growingKeys: readonly string[] = ['seeds', 'students', 'sweep', 'labelStudy', 'variants', 'targetRecall']

/** Where an experiment keeps what. */
export interface ExperimentFolder {
  /** Folder of a trained network. */
  modelDir(id: string): string
  readonly logitsDir: string
  /** Holds `models/`, `logits/` and `report/`. */
  readonly outDir: string
  /** Gives the folder back to other processes. */
  release(): Promise<void>
}

/**
 * Opens an experiment's folder, or makes it, and keeps it until it is released. `failed_precondition` where another process
 * works there, and, naming the differing keys, where it holds another experiment: other data or settings; more seeds, variants or studies of the same one are welcome, of a
 * study also more values, but not other epochs or teachers than it has had.
 */
export async function openExperimentFolder(
  outDir: string,
  config: ExperimentConfig,
  splits: CropSplits,
): Promise<ExperimentFolder> {
  await makeFolder(outDir)
  const unlock = await lockFolder(outDir)
  try {
    await prepareFolder(outDir, config, splits)
  } catch (reason) {
    await unlock()
    throw reason
  }
  return {
    modelDir: (id) => join(outDir, 'models', id),
    logitsDir: join(outDir, 'logits'),
    outDir,
    release: unlock,
  }
}

async function prepareFolder(outDir: string, config: ExperimentConfig, splits: CropSplits): Promise<void> {
  const path = join(outDir, 'experiment.json')
  const data = { train: splits.train.digest, val: splits.val.digest, test: splits.test.digest }
  const text = await readIfThere(path)
  const earlier = text === undefined ? {} : refuseOther(path, text, config, data)
  // Made now: what is in their way should not come to light after hours.
  for (const dir of ['logits', 'models', 'report']) await makeFolder(join(outDir, dir))
  for (const dir of [outDir, join(outDir, 'logits'), join(outDir, 'report')]) await removeLeftovers(dir)
  const studies = { ...earlier, ...settingsOfStudies(config) }
  await writeFileAtomically(path, [`${JSON.stringify({ config, studies, data }, undefined, 2)}\n`])
}

/** Refuses a folder of another experiment; returns what the studies were made with that it has. */
function refuseOther(
  path: string,
  text: string,
  config: ExperimentConfig,
  data: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  const parsed = experimentSchema.safeParse(parseJson(text))
  if (!parsed.success) {
    throw new PelletlineError('data_loss', `${path} is damaged: restore it, or choose another output folder`)
  }
  const other = parsed.data
  const otherConfig = parseExperimentConfig(other.config, path)
  const studies = { ...other.studies, ...settingsOfStudies(otherConfig) }
  const differing = [
    ...Object.keys(data).flatMap((part) =>
      (other.data as Record<string, string>)[part] === data[part] ? [] : [`data.${part}`],
    ),
    ...differingExperimentKeys(otherConfig, config).filter((key) => !growingKeys.includes(key)),
    ...Object.entries(settingsOfStudies(config)).flatMap(([key, value]) =>
      key in studies && JSON.stringify(studies[key]) !== JSON.stringify(value) ? [key] : [],
    ),
  ]
  if (differing.length === 0) return studies
  throw new PelletlineError(
    'failed_precondition',
    `${path} describes another experiment; it differs in ${differing.join(', ')}: ` +
      'go on with the same data and configuration, or choose another output folder',
    { violations: differing.map((field) => ({ field, description: 'differs from the folder' })) },
  )
}

/** A file's text; undefined where there is none. What is there and cannot be read is no reason to write over it. */
async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw new PelletlineError('failed_precondition', `${path} cannot be read (${cause.code}): check who may read it`, {
      cause,
    })
  })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** SHA-256 of everything that decides a job's result. */
export function identityOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/** The mark of a finished job, or undefined where it has not been finished. */
export async function readDoneMark(dir: string): Promise<DoneMark | undefined> {
  const text = await readIfThere(join(dir, 'done.json'))
  if (text === undefined) return undefined
  return doneSchema.safeParse(parseJson(text)).data
}

/** Marks a job as finished; the state from which it could have gone on (Adam's moments) is no longer kept. */
export async function markDone(dir: string, mark: DoneMark): Promise<void> {
  await writeFileAtomically(join(dir, 'done.json'), [`${JSON.stringify(mark)}\n`])
  await rm(join(dir, 'last.checkpoint'), { force: true })
}
