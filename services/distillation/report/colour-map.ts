// Ten points of matplotlib's inferno (Smith and van der Walt, 2015, public domain): lightness rises evenly, so the map
// keeps its order in gray and for colour-blind readers.
const points = ['000004', '1b0c41', '4a0c6b', '781c6d', 'a52c60', 'cf4446', 'ed6925', 'fb9b06', 'f7d13d', 'fcffa4'].map(
  (hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number],
)

/** Red, green and blue, 0 to 255, of a share from 0 to 1. */
export function heatColour(share: number): readonly [number, number, number] {
  const at = Math.min(Math.max(share, 0), 1) * (points.length - 1)
  const [below, above] = [points[Math.floor(at)]!, points[Math.ceil(at)]!]
  const mix = (channel: 0 | 1 | 2) => Math.round(below[channel] + (above[channel] - below[channel]) * (at % 1))
  return [mix(0), mix(1), mix(2)]
}

/**
 * RGB bytes of a crop with its heat over it (gray bytes and heat bytes of equal number): cold regions show the crop, hot
 * ones the colour map.
 */
export function overlayHeat(pixels: Uint8Array, heat: Uint8Array): Uint8Array {
  const rgb = new Uint8Array(3 * pixels.length)
  for (let i = 0; i < pixels.length; i++) {
    const share = (heat[i] ?? 0) / 255
    const opacity = Math.min(0.75, 1.5 * share)
    for (const [channel, colour] of heatColour(share).entries()) {
      rgb[3 * i + channel] = Math.round((1 - opacity) * pixels[i]! + opacity * colour)
    }
  }
  return rgb
}
