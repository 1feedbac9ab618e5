import { PelletlineError } from '../errors/pelletline-error.ts'
import { selectCrops } from './create-crop-dataset.ts'
import type { CropDataset, CropSplits, Split } from './crop-dataset.ts'

/** Shares of train, validation and test: 7:2:1. */
const splitShares: Readonly<Record<Split, number>> = { train: 0.7, val: 0.2, test: 0.1 }

const splitNames = ['train', 'val', 'test'] as const

/**
 * Cuts a dataset into train, validation and test, 7:2:1 in each class. Crops of one group (patient, lot, scan) stay
 * together, whereby the shares are met as nearly as whole groups allow. Deterministic by `random` (uniform in [0, 1)).
 * `invalid_argument` where a part would be empty of a class.
 */
export function splitCrops(dataset: CropDataset, random: () => number): CropSplits {
  const units = shuffle(unitsOf(dataset), random)
  // Large groups first: the small ones then even the shares out.
  units.sort((a, b) => b.members.length - a.members.length)
  const totals = sumCounts(units)
  const parts = new Map(splitNames.map((name) => [name, { counts: [0, 0], members: [] as number[] }]))
  for (const unit of units) {
    const lack = (name: Split) => {
      const { counts } = parts.get(name)!
      const missing = (label: 0 | 1) => (totals[label] * splitShares[name] - counts[label]!) * unit.counts[label]
      return (missing(0) + missing(1)) / splitShares[name]
    }
    const name = splitNames.reduce((best, next) => (lack(next) > lack(best) ? next : best))
    const part = parts.get(name)!
    part.members.push(...unit.members)
    part.counts = [part.counts[0]! + unit.counts[0], part.counts[1]! + unit.counts[1]]
  }
  return Object.fromEntries(
    splitNames.map((name) => {
      const { members, counts } = parts.get(name)!
      if (counts[0] === 0 || counts[1] === 0) {
        throw new PelletlineError(
          'invalid_argument',
          `${dataset.source}: too few crops or groups for a ${name} part with both classes (OK ${counts[0]}, NG ${counts[1]}): ` +
            'add images, or use a finer group pattern',
        )
      }
      return [
        name,
        selectCrops(
          dataset,
          members.sort((a, b) => a - b),
          `${dataset.source} (${name} part)`,
        ),
      ]
    }),
  ) as CropSplits
}

interface Unit {
  readonly members: readonly number[]
  readonly counts: readonly [number, number]
}

/** Groups, and single crops where no group is known. */
function unitsOf({ labels, group }: CropDataset): Unit[] {
  const grouped = new Map<string, number[]>()
  for (let i = 0; i < labels.length; i++) {
    const key = group[i]! < 0 ? `crop ${i}` : `group ${group[i]}`
    const members = grouped.get(key)
    if (members === undefined) grouped.set(key, [i])
    else members.push(i)
  }
  return [...grouped.values()].map((members) => {
    const bad = members.filter((i) => labels[i] === 1).length
    return { members, counts: [members.length - bad, bad] }
  })
}

function sumCounts(units: readonly Unit[]): [number, number] {
  return units.reduce<[number, number]>(([ok, ng], { counts }) => [ok + counts[0], ng + counts[1]], [0, 0])
}

function shuffle<T>(items: T[], random: () => number): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const held = items[i]!
    items[i] = items[j]!
    items[j] = held
  }
  return items
}
