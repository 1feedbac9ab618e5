import sharp from 'sharp'

/** An image of 8-bit red, green and blue, row by row, as the bytes of a PNG. */
export async function encodeRgbPng(pixels: Uint8Array, width: number, height: number): Promise<Buffer> {
  return await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer()
}
