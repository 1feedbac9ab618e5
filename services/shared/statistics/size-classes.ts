/**
 * Fixed classes of size, so that counts of any time and any line can be added: 40 to a decade, of equal ratio
 * 10^(1/40) = 1.0593, from 0.1 to 1,000,000 (um or px). Class i holds 10^(i/40) <= size < 10^((i+1)/40); the first and the
 * last class take what is smaller and larger too, so a histogram has at most 280 classes whatever comes.
 */
export const classesPerDecade = 40

/** Number of the class from 0.1, and of the one to 1,000,000. */
export const firstSizeClass = -1 * classesPerDecade
export const lastSizeClass = 6 * classesPerDecade - 1

/** What a histogram of a lot counts; numbers as stored. */
export const sizeQuantities = { pelletDiameter: 1, speckDiameter: 2 } as const

/** Units of a histogram; numbers as stored and as in pelletline.mes.v1.LengthUnit. */
export const sizeUnits = { um: 1, px: 2 } as const

/** Limits of a class: its sizes are at least `lower` and below `upper`. */
export function sizeClassLimits(sizeClass: number): { readonly lower: number; readonly upper: number } {
  return { lower: limitOf(sizeClass), upper: limitOf(sizeClass + 1) }
}

function limitOf(sizeClass: number): number {
  return 10 ** (sizeClass / classesPerDecade)
}

/** Class of a size above 0. */
export function sizeClassOf(size: number): number {
  let sizeClass = Math.floor(classesPerDecade * Math.log10(size))
  // The logarithm rounds: what decides is the limits as they are reported.
  if (size < limitOf(sizeClass)) sizeClass -= 1
  else if (size >= limitOf(sizeClass + 1)) sizeClass += 1
  return Math.min(lastSizeClass, Math.max(firstSizeClass, sizeClass))
}

/** Pieces in one class. */
export interface SizeClassCount {
  readonly sizeClass: number
  readonly pieces: number
}

/**
 * Size below which the share 0..1 of all pieces lies; undefined without a piece. `classes` ascend. Within a class the pieces
 * are taken to be spread evenly over the logarithm of size, so the answer is within 6 % of what the pieces themselves give.
 */
export function interpolateQuantile(classes: readonly SizeClassCount[], share: number): number | undefined {
  const total = classes.reduce((sum, { pieces }) => sum + pieces, 0)
  const wanted = share * total
  let below = 0
  for (const { sizeClass, pieces } of classes) {
    if (pieces > 0 && below + pieces >= wanted) {
      return 10 ** ((sizeClass + (wanted - below) / pieces) / classesPerDecade)
    }
    below += pieces
  }
  return undefined
}
