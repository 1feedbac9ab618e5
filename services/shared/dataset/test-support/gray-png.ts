import { encodeGrayPng } from '../../images/encode-gray-png.ts'

/** A PNG of one gray. */
export function grayPng(width: number, height: number, gray: number): Promise<Buffer> {
  return encodeGrayPng(new Uint8Array(width * height).fill(gray), width, height)
}
