import { PelletlineError } from '../errors/pelletline-error.ts'
import { selectCrops } from './create-crop-dataset.ts'
import { type CropDataset, type CropSplits, type Split, splitNames } from './crop-dataset.ts'
import { divideUnits, type SplitUnit } from './divide-units.ts'

/** Shares of train, validation and test: 7:2:1. */
const splitShares: Readonly<Record<Split, number>> = { train: 0.7, val: 0.2, test: 0.1 }

/**
 * Cuts a dataset into train, validation and test, 7:2:1 in each class. Crops of one group (patient, lot, scan) stay
 * together, whereby the shares are met as nearly as whole groups allow. Deterministic by `random` (uniform in [0, 1)).
 * `invalid_argument` where a part would be empty of a class.
 */
export function splitCrops(dataset: CropDataset, random: () => number): CropSplits {
  const units = unitsOf(dataset)
  const shares = splitNames.map((name) => splitShares[name])
  const parts = divideUnits(units, shares, random)
  return Object.fromEntries(
    splitNames.map((name, part) => {
      const members = units.flatMap((unit, i) => (parts[i] === part ? unit.members : []))
      const bad = members.filter((i) => dataset.labels[i] === 1).length
      if (bad === 0 || bad === members.length) {
        const groups = units.filter((unit) => unit.members.length > 1).length
        throw new PelletlineError(
          'invalid_argument',
          `${dataset.source}: too few crops or groups for a ${name} part with both classes (OK ${members.length - bad}, NG ${bad}; ` +
            `${dataset.count} crops, ${groups} groups of more than one): add images, or name finer groups`,
        )
      }
      const picked = members.sort((a, b) => a - b)
      return [name, selectCrops(dataset, picked, `${dataset.source} (${name} part)`)]
    }),
  ) as CropSplits
}

/** Groups, and single crops where no group is known. */
function unitsOf({ labels, group }: CropDataset): (SplitUnit & { readonly members: readonly number[] })[] {
  const crops = Array.from(labels, (_, i) => i)
  const grouped = Map.groupBy(crops, (i) => (group[i]! < 0 ? -1 - i : group[i]!))
  return [...grouped.values()].map((members) => {
    const bad = members.filter((i) => labels[i] === 1).length
    return { members, counts: [members.length - bad, bad] }
  })
}
