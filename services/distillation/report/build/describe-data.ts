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

/** Whether crops come in groups, so that some of them may err together. */
export function isGrouped(group: Int32Array): boolean {
  const known = group.filter((index) => index >= 0)
  return new Set(known).size < known.length
}
