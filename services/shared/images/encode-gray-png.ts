import sharp from 'sharp'

/** An 8-bit gray image, row by row, as the bytes of a PNG. */
export async function encodeGrayPng(pixels: Uint8Array, width: number, height: number): Promise<Buffer> {
  return await sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer()
}
