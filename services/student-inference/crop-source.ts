import { cropBytes } from '../shared/inspection/crop.ts'

/** Crops of one caller, wherever their bytes lie. */
export interface CropSource {
  readonly count: number
  /** Copies `count` crops from the `from`-th on to the beginning of `target`. */
  copyTo(target: Uint8Array, from: number, count: number): void
}

/** Crops that lie one after the other: 2500 bytes each. */
export function packedCrops(bytes: Uint8Array): CropSource {
  return {
    count: bytes.length / cropBytes,
    copyTo: (target, from, count) => target.set(bytes.subarray(from * cropBytes, (from + count) * cropBytes)),
  }
}

/** Crops of 2500 bytes each that lie apart. */
export function listedCrops(crops: readonly Uint8Array[]): CropSource {
  return {
    count: crops.length,
    copyTo(target, from, count) {
      for (let i = 0; i < count; i += 1) target.set(crops[from + i]!, i * cropBytes)
    },
  }
}
