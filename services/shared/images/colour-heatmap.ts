/**
 * Stops of the colour map inferno (Smith and van der Walt, 2015; in the public domain), evenly spaced from 0 to 1: its
 * lightness rises evenly, so that it reads the same in gray and to people who confuse colours.
 */
const stops = [
  [0, 0, 4],
  [11, 7, 36],
  [33, 12, 74],
  [61, 9, 101],
  [87, 16, 110],
  [113, 25, 110],
  [138, 34, 106],
  [163, 44, 97],
  [188, 55, 84],
  [210, 70, 68],
  [228, 90, 49],
  [241, 115, 29],
  [249, 142, 9],
  [252, 172, 17],
  [249, 203, 53],
  [242, 234, 105],
  [252, 255, 164],
] as const

/** Colour of a value from 0 to 1, red, green and blue 0..255; values beyond are taken for the ends. */
export function heatColour(value: number): readonly [number, number, number] {
  const place = Math.min(1, Math.max(0, value)) * (stops.length - 1)
  const first = Math.min(stops.length - 2, Math.floor(place))
  const mix = (channel: 0 | 1 | 2) =>
    Math.round(stops[first]![channel] + (place - first) * (stops[first + 1]![channel] - stops[first]![channel]))
  return [mix(0), mix(1), mix(2)]
}

/** How much of the heat's colour covers the gray of a pellet: nothing where there is no heat, so that the pellet stays in sight. */
function coverage(heat: number): number {
  return 0.75 * Math.sqrt(heat)
}

/**
 * Lays a heatmap over gray pixels: `heat` holds a value from 0 (none) to 1 (the peak) for each of them. Returns 8-bit RGB,
 * row-major.
 */
export function overlayHeat(gray: Uint8Array, heat: ArrayLike<number>): Uint8Array {
  const rgb = new Uint8Array(3 * gray.length)
  for (const [i, level] of gray.entries()) {
    const value = Math.min(1, Math.max(0, heat[i] ?? 0))
    const share = coverage(value)
    for (const [channel, colour] of heatColour(value).entries()) {
      rgb[3 * i + channel] = Math.round(level * (1 - share) + colour * share)
    }
  }
  return rgb
}
