import { cropSide } from '../inspection/crop.ts'

/** Values over the pixels of a map, row-major. */
export interface Heatmap {
  readonly width: number
  readonly height: number
  readonly values: Float32Array
}

/**
 * Enlarges a heatmap to the crop's size: bilinear between the centres of the map's pixels, each of which stands for an
 * equal part of the crop; constant from the outermost centres to the border. Values keep their scale.
 */
export function scaleHeatmap(heatmap: Heatmap, side: number = cropSide): Heatmap {
  const values = new Float32Array(side * side)
  const across = weigh(heatmap.width, side)
  const down = weigh(heatmap.height, side)
  for (let y = 0; y < side; y += 1) {
    const [top, bottom, dy] = down(y)
    for (let x = 0; x < side; x += 1) {
      const [left, right, dx] = across(x)
      const at = (row: number, column: number) => heatmap.values[row * heatmap.width + column]!
      const upper = at(top, left) * (1 - dx) + at(top, right) * dx
      const lower = at(bottom, left) * (1 - dx) + at(bottom, right) * dx
      values[y * side + x] = upper * (1 - dy) + lower * dy
    }
  }
  return { width: side, height: side, values }
}

/** For a pixel of the large map: the two pixels of the small one that it lies between, and the second one's weight. */
function weigh(from: number, to: number): (pixel: number) => readonly [number, number, number] {
  return (pixel) => {
    const place = Math.min(from - 1, Math.max(0, ((pixel + 0.5) * from) / to - 0.5))
    const first = Math.floor(place)
    return [first, Math.min(from - 1, first + 1), place - first]
  }
}

/** The largest value of a heatmap and the centre of its pixel, px of the crop; on a tie the first. */
export function findPeak({ width, height, values }: Heatmap): {
  readonly x: number
  readonly y: number
  readonly value: number
} {
  let at = 0
  for (const [i, value] of values.entries()) if (value > values[at]!) at = i
  return {
    x: (((at % width) + 0.5) * cropSide) / width,
    y: ((Math.floor(at / width) + 0.5) * cropSide) / height,
    value: values[at]!,
  }
}
