import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type CropVariety, simulateCrops } from '../../line-simulator/index.ts'
import { createSegmenter } from '../../roi-segmentation/index.ts'
import { createCropDataset } from '../../shared/dataset/create-crop-dataset.ts'
import type { CropDataset, CropSplits, Split } from '../../shared/dataset/crop-dataset.ts'
import { isPackedCrops, readPackedCrops, writePackedCrops } from '../../shared/dataset/packed-crops.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import type { Terminal } from '../terminal.ts'
import type { TrainingVariety } from './simulation-options.ts'

export interface SimulateSplitsOptions {
  /** Training crops; validation gets half as many. */
  readonly count: number
  readonly testCount: number
  /** Shares of the training crops; validation and test have NG shares of their own. */
  readonly ngShare: number
  readonly subSizeShare: number
  readonly variety: TrainingVariety
  readonly seed: number
  /** Simulated parts are kept here and found again by their settings. */
  readonly folder: string
}

/** Kinds of line that the training crops are of, in equal parts. */
const kindsOf: Readonly<Record<TrainingVariety, readonly CropVariety[]>> = {
  line: ['line'],
  rare: ['rare'],
  wide: ['wide'],
  mixed: ['line', 'wide'],
  all: ['line', 'rare', 'wide'],
}

/** What decides the crops of one part. */
interface PartSettings {
  readonly count: number
  readonly ngShare: number
  readonly subSizeShare: number
  readonly variety: TrainingVariety
  readonly seed: number
}

/** Seeds of the parts lie this far apart, so that no part holds a scene of another. */
const seedDistance = 1_000_003
/** Mostly good crops, as a threshold and an overkill in ppm need them. */
const measuredNgShare = 0.1

/**
 * Simulates the three parts of an experiment, or reads those that an earlier run with the same settings left. Validation
 * and test are of the default line whatever the training is of: the threshold and the figures are those of a line.
 */
export async function simulateSplits(
  options: SimulateSplitsOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CropSplits> {
  const { count, testCount, ngShare, subSizeShare, variety, folder } = options
  await makeFolder(folder)
  const seedOf = (part: number) => (options.seed + part * seedDistance) % 2 ** 32
  const measured = { ngShare: measuredNgShare, subSizeShare: 0, variety: 'line' } as const
  const simulate = (part: Split, settings: PartSettings) => simulatePart(part, settings, folder, terminal, signal)
  return {
    train: await simulate('train', { count, ngShare, subSizeShare, variety, seed: seedOf(0) }),
    val: await simulate('val', { ...measured, count: Math.ceil(count / 2), seed: seedOf(1) }),
    test: await simulate('test', { ...measured, count: testCount, seed: seedOf(2) }),
  }
}

async function simulatePart(
  part: Split,
  settings: PartSettings,
  folder: string,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<CropDataset> {
  const kinds = kindsOf[settings.variety]
  const digest = createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16)
  const file = join(folder, `${part}-${digest}.crops`)
  if (await isPackedCrops(file)) {
    return await readPackedCrops(file, signal).catch((cause) => {
      if (PelletlineError.from(cause).code !== 'data_loss') throw cause
      throw new PelletlineError('data_loss', `${file} is damaged: delete it to have it simulated again`, { cause })
    })
  }

  const progress = terminal.progress(`Simulating ${part}`, settings.count, 'crops')
  let done = 0
  const simulate = async (kind: CropVariety, count: number) => {
    const before = done
    const onProgress = (finished: number) => progress.update(before + finished)
    const crops = await simulateCrops({ ...settings, count, variety: kind, createSegmenter, onProgress, signal })
    done += count
    return crops
  }
  try {
    let crops: CropDataset | undefined
    for (const [index, kind] of kinds.entries()) {
      const upTo = (kindsDone: number) => Math.floor((settings.count * kindsDone) / kinds.length)
      const count = upTo(index + 1) - upTo(index)
      if (count === 0) continue
      const simulated = await simulate(kind, count)
      crops = crops === undefined ? simulated : joinCrops(crops, simulated)
    }
    if (crops === undefined)
      throw new PelletlineError('invalid_argument', `${part} is to have ${settings.count} crops.`)
    await writePackedCrops(file, crops)
    return crops
  } finally {
    progress.end()
  }
}

/** One dataset of two; scenes keep apart. */
function joinCrops(a: CropDataset, b: CropDataset): CropDataset {
  const firstFree = a.group.reduce((largest, group) => Math.max(largest, group), -1) + 1
  return createCropDataset({
    source: `${a.source} and ${b.source}`,
    pixels: joinColumns(Uint8Array, a.pixels, b.pixels),
    labels: joinColumns(Uint8Array, a.labels, b.labels),
    speckPx: joinColumns(Float32Array, a.speckPx, b.speckPx),
    group: joinColumns(
      Int32Array,
      a.group,
      b.group.map((group) => group + firstFree),
    ),
  })
}

function joinColumns<T extends { set(values: ArrayLike<number>, at?: number): void }>(
  Column: new (length: number) => T,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
): T {
  const joined = new Column(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
