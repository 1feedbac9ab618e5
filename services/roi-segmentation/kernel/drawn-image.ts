/** An image to draw on, for tests and benchmarks: `width * height` gray bytes. */
export interface DrawnImage {
  readonly pixels: Uint8Array
  readonly width: number
  readonly height: number
}

/** A bed of one gray level. */
export function drawBed(width: number, height: number, gray = 0): DrawnImage {
  return { pixels: new Uint8Array(width * height).fill(gray), width, height }
}

/**
 * Draws a filled ellipse with semi-axes a and b, turned by `angle` radians: the pixels whose centres lie in it. Pixel (i, j) has its
 * centre at (i + 0.5, j + 0.5).
 */
export function drawEllipse(
  image: DrawnImage,
  x: number,
  y: number,
  a: number,
  b: number,
  angle: number,
  gray: number,
): void {
  const reach = Math.max(a, b)
  const cos = Math.cos(angle)
  const sin = Math.sin(angle)
  const lastRow = Math.min(image.height - 1, Math.ceil(y + reach))
  const lastColumn = Math.min(image.width - 1, Math.ceil(x + reach))
  for (let row = Math.max(0, Math.floor(y - reach)); row <= lastRow; row++) {
    for (let column = Math.max(0, Math.floor(x - reach)); column <= lastColumn; column++) {
      const dx = column + 0.5 - x
      const dy = row + 0.5 - y
      const u = (dx * cos + dy * sin) / a
      const v = (dy * cos - dx * sin) / b
      if (u * u + v * v <= 1) image.pixels[row * image.width + column] = gray
    }
  }
}

/** Draws a filled disc of radius r. */
export function drawDisc(image: DrawnImage, x: number, y: number, r: number, gray: number): void {
  drawEllipse(image, x, y, r, r, 0, gray)
}

/** Draws a filled rectangle: columns [x, x + width), rows [y, y + height), clipped to the image. */
export function drawBox(image: DrawnImage, x: number, y: number, width: number, height: number, gray: number): void {
  for (let row = Math.max(0, y); row < Math.min(image.height, y + height); row++) {
    const line = row * image.width
    image.pixels.fill(gray, line + Math.max(0, x), line + Math.min(image.width, x + width))
  }
}

/** Pseudo-random numbers in [0, 1) from a seed (mulberry32), the same on every machine. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
