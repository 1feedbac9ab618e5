import { type PelletPatch, patchMargin } from './pellet-patch.ts'

/** Steps along the eight directions in which lines are drawn through a pellet, 13 degrees or less from any other. */
const stepX = [1, 0, 2, 1, 1, -1, -1, -2] as const
const stepY = [0, 1, 1, 1, 2, 2, 1, 1] as const

/** Models the shading of pellets; holds the working memory. */
export interface ShadingModel {
  /** Makes `patch.shading` what lines across and down make expected. */
  begin(patch: PelletPatch): void
  /** Raises it to what the lines in the six other directions make expected. */
  complete(patch: PelletPatch): void
}

/**
 * The shading of a pellet is what its gray would be without specks. Light makes hills: along any line through a pellet the gray
 * rises and then falls, wherever the light stands, at the rim as well, and with a highlight even more so. A speck makes a
 * valley. So the gray expected at a pixel by one line through it is the smaller one of the largest grays on both sides
 * within the outline; the shading is the largest of that over eight directions, and no less than the gray itself.
 *
 * At the rim the line along the rim counts, since across it there is only bed on one side. Smoothed grays go into the
 * maxima, so that noise does not lift them. Two passes per direction over the patch, maxima and minima of bytes only.
 */
export function createShadingModel(): ShadingModel {
  /** Largest smoothed gray on the line before and after each pixel, back to where the line leaves the outline. */
  let before = new Uint8Array(64 * 64)
  let after = new Uint8Array(64 * 64)

  function raise(patch: PelletPatch, direction: number): void {
    const { stride, rows, mask, smooth, shading } = patch
    const step = stepY[direction]! * stride + stepX[direction]!
    const from = patchMargin * stride + patchMargin
    const end = stride * rows - from
    for (let i = from; i < end; i++) before[i] = Math.max(before[i - step]!, smooth[i - step]!) & mask[i]!
    for (let i = end - 1; i >= from; i--) {
      after[i] = Math.max(after[i + step]!, smooth[i + step]!) & mask[i]!
      const expected = Math.min(before[i]!, after[i]!)
      if (expected > shading[i]!) shading[i] = expected
    }
  }

  return {
    begin(patch) {
      const { stride, rows, gray, shading } = patch
      const size = stride * rows
      if (before.length < size) {
        before = new Uint8Array(size * 2)
        after = new Uint8Array(size * 2)
      }
      // Only the margin is read before it is written, and only there it must be 0.
      before.fill(0, 0, size)
      after.fill(0, 0, size)
      for (let i = 0; i < size; i++) shading[i] = gray[i]!
      raise(patch, 0)
      raise(patch, 1)
    },
    complete(patch) {
      for (let direction = 2; direction < stepX.length; direction++) raise(patch, direction)
    },
  }
}
