/** Replaces every gray level g by 255 - g, so that pellets darker than the bed become bright ones. In place. */
export function invertGray(gray: Uint8Array): void {
  for (let i = 0; i < gray.length; i++) gray[i] = 255 - gray[i]!
}
