/** Taps a side of a Gaussian kernel: what is left out is 2 % of its weight. */
export function kernelRadius(sigma: number): number {
  return Math.max(1, Math.ceil(2.3 * sigma))
}

/** Half of a normalised Gaussian kernel: weight at 0, 1, 2, ... px. */
export function gaussianKernel(sigma: number): Float64Array {
  const radius = kernelRadius(sigma)
  const half = Float64Array.from({ length: radius + 1 }, (_, k) => Math.exp(-0.5 * (k / sigma) ** 2))
  let sum = half[0]!
  for (let k = 1; k <= radius; k++) sum += 2 * half[k]!
  return half.map((weight) => weight / sum)
}

/** Blurs a plane by a separable kernel; `spare` is a second plane of its size that is overwritten. */
export function blur(
  plane: Float64Array,
  spare: Float64Array,
  width: number,
  height: number,
  kernel: Float64Array,
): void {
  blurPass(plane, spare, width, height, 1, kernel)
  blurPass(spare, plane, width, height, width, kernel)
}

/** One direction; the margin of the patch is empty, so what lies beyond it may be left out. */
function blurPass(
  from: Float64Array,
  to: Float64Array,
  width: number,
  height: number,
  step: number,
  kernel: Float64Array,
): void {
  const radius = kernel.length - 1
  const size = width * height
  const margin = step * radius
  to.fill(0, 0, margin)
  to.fill(0, size - margin, size)
  // The usual blurs have two or three taps a side; unrolled they take half the time.
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = kernel
  if (radius === 2) {
    const far = 2 * step
    for (let i = margin; i < size - margin; i++)
      to[i] = k0 * from[i]! + k1 * (from[i - step]! + from[i + step]!) + k2 * (from[i - far]! + from[i + far]!)
    return
  }
  if (radius === 3) {
    const far = 2 * step
    const farther = 3 * step
    for (let i = margin; i < size - margin; i++)
      to[i] =
        k0 * from[i]! +
        k1 * (from[i - step]! + from[i + step]!) +
        k2 * (from[i - far]! + from[i + far]!) +
        k3 * (from[i - farther]! + from[i + farther]!)
    return
  }
  for (let i = margin; i < size - margin; i++) {
    let sum = k0 * from[i]!
    for (let k = 1, offset = step; k <= radius; k++, offset += step)
      sum += kernel[k]! * (from[i - offset]! + from[i + offset]!)
    to[i] = sum
  }
}

/** Unsharp masking with a kernel of 1 px on the pixels that are covered. */
export function sharpen(
  light: Float64Array,
  cover: Float64Array,
  spare: Float64Array,
  width: number,
  height: number,
  strength: number,
): void {
  const kernel = gaussianKernel(1)
  const soft = light.slice(0, width * height)
  blur(soft, spare, width, height, kernel)
  for (let i = 0; i < soft.length; i++)
    if (cover[i]! > 0) light[i] = Math.max(0, light[i]! + strength * (light[i]! - soft[i]!))
}
