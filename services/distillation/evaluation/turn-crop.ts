import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { cropBytes, cropSide } from '../../shared/inspection/crop.ts'

/** The eight views of a crop: flips and quarter turns, numbered as augmentation draws them; 0 is the crop itself. */
export const viewNumbers = [0, 1, 2, 3, 4, 5, 6, 7] as const

/** Bit 0 mirrors columns, bit 1 mirrors rows, bit 2 swaps rows and columns. */
export type ViewNumber = (typeof viewNumbers)[number]

/**
 * `count` crops of 2500 bytes from crop `first` on, in one of the eight views. A copy, also for view 0. `invalid_argument`
 * where there is no such view.
 */
export function turnCrops(pixels: Uint8Array, first: number, count: number, view: ViewNumber): Uint8Array<ArrayBuffer> {
  if (!viewNumbers.includes(view)) {
    throw new PelletlineError('invalid_argument', `there is no view ${view} of a crop: give 0 to 7`)
  }
  const crops = pixels.slice(first * cropBytes, (first + count) * cropBytes)
  if (view === 0) return crops
  const sources = sourcesOf(view)
  const turned = new Uint8Array(crops.length)
  for (let start = 0; start < crops.length; start += cropBytes) {
    for (let i = 0; i < cropBytes; i++) turned[start + i] = crops[start + sources[i]!]!
  }
  return turned
}

/** Where each pixel of a view comes from. */
function sourcesOf(view: ViewNumber): Uint16Array {
  const last = cropSide - 1
  return Uint16Array.from({ length: cropBytes }, (_, i) => {
    const [x, y] = [i % cropSide, Math.floor(i / cropSide)]
    const a = (view & 1) === 0 ? x : last - x
    const b = (view & 2) === 0 ? y : last - y
    return (view & 4) === 0 ? b * cropSide + a : a * cropSide + b
  })
}
