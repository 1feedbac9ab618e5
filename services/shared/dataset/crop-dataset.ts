/** Class of a crop; the order of a model's outputs. */
export const classNames = ['OK', 'NG'] as const

/** Parts of a dataset. */
export type Split = 'train' | 'val' | 'test'

/** Labelled crops in memory, packed; what training and evaluation take, wherever the crops came from. */
export interface CropDataset {
  /** Where it came from, for messages and lineage: a folder, or a simulator's settings. */
  readonly source: string
  readonly count: number
  /** count * 2500 bytes, gray, row-major. */
  readonly pixels: Uint8Array
  /** 0 = OK, 1 = NG. */
  readonly labels: Uint8Array
  /** Diameter of the largest speck by truth, px of the crop; 0 where there is none, NaN where it is not known. */
  readonly speckPx: Float32Array
  /** Index of the group (patient, lot, scan) that must not be split; -1 where no group is known. */
  readonly group: Int32Array
  /** Names of the groups by their index, where they have any: for messages and reports. */
  readonly groupNames?: readonly string[]
  /** SHA-256 of pixels and labels, hex: the data's digest in a model's lineage. */
  readonly digest: string
}

/** The parts in their order. */
export const splitNames = ['train', 'val', 'test'] as const satisfies readonly Split[]

/** The three parts of an experiment. */
export type CropSplits = Readonly<Record<Split, CropDataset>>
