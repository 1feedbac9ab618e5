/** Side of a crop, version 1, in pixels: 50x50 gray bytes. */
export const cropSide = 50

/** Bytes of one crop. */
export const cropBytes = cropSide * cropSide

/** The largest single pellet of a recipe is scaled to fit this many pixels, so that a margin of 2 px stays around it. */
export const cropFitPx = 46

/** Pixels further than this from the pellet's own outline are 0 in its crop. */
export const cropMarginPx = 2

/** Version of the crop's definition; it is part of every model's manifest and may not change without retraining. */
export const cropVersion = 1
