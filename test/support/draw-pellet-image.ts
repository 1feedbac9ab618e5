/** A round pellet to draw, px. */
export interface DrawnPellet {
  readonly x: number
  readonly y: number
  readonly radius: number
  readonly gray: number
}

/** A gray image of discs on a bed with a little texture, anti-aliased: `width * height` bytes. */
export function drawPelletImage(
  width: number,
  height: number,
  pellets: readonly DrawnPellet[],
  bedGray = 15,
): Uint8Array {
  const pixels = new Uint8Array(width * height)
  for (let at = 0; at < pixels.length; at++) pixels[at] = bedGray + ((at * 2654435761) >>> 30)
  for (const { x, y, radius, gray } of pellets) {
    for (let row = Math.max(0, Math.floor(y - radius - 1)); row <= Math.min(height - 1, y + radius + 1); row++) {
      for (
        let column = Math.max(0, Math.floor(x - radius - 1));
        column <= Math.min(width - 1, x + radius + 1);
        column++
      ) {
        const inside = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y)))
        const at = row * width + column
        pixels[at] = Math.round(pixels[at]! * (1 - inside) + gray * inside)
      }
    }
  }
  return pixels
}

/** Discs in a grid that do not touch; every `darkEvery`th one is darker. */
export function pelletGrid(columns: number, rows: number, darkEvery: number): readonly DrawnPellet[] {
  return Array.from({ length: columns * rows }, (_, at) => ({
    x: 40 + (at % columns) * 50,
    y: 40 + Math.floor(at / columns) * 50,
    radius: 16,
    gray: at % darkEvery === darkEvery - 1 ? 110 : 190,
  }))
}
