import sharp from 'sharp'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Size of an image file, px, read from its header; `invalid_argument` naming the file where it is no image. */
export async function readImageSize(file: string): Promise<{ readonly width: number; readonly height: number }> {
  try {
    const { width, height } = await sharp(file, { limitInputPixels: false }).metadata()
    return { width, height }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new PelletlineError('invalid_argument', `${file} cannot be decoded as an image: ${reason}`, { cause })
  }
}
