/** A scale bar: its true length and how long it is drawn. */
export interface ScaleBar {
  readonly lengthMm: number
  /** Drawn length, px of the picture. */
  readonly lengthPx: number
  /** Text beside the bar: "5 mm", "200 µm". */
  readonly label: string
}

/**
 * The longest bar of 1, 2 or 5 times a power of ten that is at most `share` of the picture's width.
 * `umPerPx` is that of the drawn picture, across the line.
 */
export function chooseScaleBar(umPerPx: number, widthPx: number, share = 0.2): ScaleBar {
  const longestUm = umPerPx * widthPx * share
  const power = 10 ** Math.floor(Math.log10(longestUm))
  const step = [5, 2, 1].find((factor) => factor * power <= longestUm) ?? 1
  const lengthUm = step * power
  return {
    lengthMm: lengthUm / 1000,
    lengthPx: lengthUm / umPerPx,
    label: lengthUm >= 1000 ? `${lengthUm / 1000} mm` : `${Number(lengthUm.toPrecision(1))} µm`,
  }
}
