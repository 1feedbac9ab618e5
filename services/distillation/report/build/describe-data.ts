import type { CropDataset } from '../../../shared/dataset/crop-dataset.ts'
import type { ReportedData, ReportedPart } from '../experiment-report.ts'
import type { ReportInput } from './report-input.ts'

/** What the report says of the data. */
export function describeData({
  splits,
  source,
  split,
  skipped,
  padded,
  standardisation,
}: Omit<ReportInput, 'models'>): ReportedData {
  return {
    source: source ?? splits.train.source,
    parts: { train: describePart(splits.train), val: describePart(splits.val), test: describePart(splits.test) },
    standardisation: { mean: standardisation.mean, deviation: standardisation.deviation },
    split,
    skipped,
    padded,
  }
}

function describePart({ count, labels, group, digest }: CropDataset): ReportedPart {
  const ng = labels.reduce((sum, label) => sum + label, 0)
  const groups = new Set(group.filter((index) => index >= 0)).size
  return { count, ok: count - ng, ng, groups: groups === 0 ? null : groups, digest }
}

/**
 * One cluster per crop for the bootstrap over groups: crops of a group share one, a crop without a group is its own.
 * Undefined where no group holds two crops: then the ordinary intervals already say it all.
 */
export function clustersOf(group: Int32Array): Int32Array | undefined {
  const known = group.filter((index) => index >= 0)
  const distinct = new Set(known).size
  if (distinct === known.length || distinct < 2) return undefined
  let next = known.reduce((high, index) => Math.max(high, index), -1)
  return group.map((index) => (index >= 0 ? index : ++next))
}
