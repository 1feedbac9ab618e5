import sharp from 'sharp'
import { type AnnotationOptions, drawAnnotation } from './annotation-svg.ts'
import { rasterizeSvg } from './rasterize-svg.ts'

/** An annotated picture is scaled down to at most this many pixels. */
export const maxAnnotatedPixels = 16_000_000
/** It is enlarged by a whole number while it stays below this many, so that the outlines of small images can be read. */
const enlargeBelowPixels = 1_500_000
/** Above this many pixels the picture is written as JPEG. */
const pngUpToPixels = 10_000_000
/** Longest side that fits any common viewer, and JPEG. */
const maxSidePx = 30_000

export interface AnnotateImageOptions extends Omit<AnnotationOptions, 'scale'> {
  /** Path of the image; its EXIF orientation is applied. Decoded row by row, so a huge one needs little more than the picture. */
  readonly file: string
  /** Path to write without its ending; `.png` or, where the picture is large, `.jpg` is added. */
  readonly target: string
}

export interface AnnotatedImage {
  readonly path: string
  /** Pixels of the picture per pixel of the image. */
  readonly scale: number
}

/** Pixels of the annotated picture per pixel of an image: 1 mostly, a whole number for small images, below 1 for huge ones. */
export function chooseAnnotationScale(width: number, height: number): number {
  const pixels = width * height
  const side = Math.max(width, height)
  if (pixels > maxAnnotatedPixels || side > maxSidePx)
    return Math.min(Math.sqrt(maxAnnotatedPixels / pixels), maxSidePx / side)
  let scale = 1
  while (scale < 4 && pixels * (scale + 1) ** 2 <= enlargeBelowPixels) scale++
  return scale
}

/** Draws the marks on the image, puts the legend below, and writes it as PNG or JPEG. */
export async function annotateImage(options: AnnotateImageOptions): Promise<AnnotatedImage> {
  const scale = chooseAnnotationScale(options.width, options.height)
  const annotation = drawAnnotation({ ...options, scale })
  const { width, height, legendHeight } = annotation
  const base = await sharp(options.file, { limitInputPixels: false, sequentialRead: true, failOn: 'none' })
    .autoOrient()
    .flatten({ background: '#000000' })
    .resize({ width, height, fit: 'fill', kernel: scale > 1 ? 'cubic' : 'lanczos3' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const overlay = rasterizeSvg(annotation.overlay)
  const legend = rasterizeSvg(annotation.legend)
  const composed = sharp(base.data, { raw: base.info, limitInputPixels: false })
    .extend({ bottom: legendHeight, background: '#FFFFFF' })
    .composite([
      { input: overlay.pixels, raw: rawOf(overlay), top: 0, left: 0 },
      { input: legend.pixels, raw: rawOf(legend), top: height, left: 0 },
    ])
  const asPng = width * height <= pngUpToPixels
  const path = `${options.target}${asPng ? '.png' : '.jpg'}`
  await (asPng ? composed.png({ compressionLevel: 6 }) : composed.jpeg({ quality: 88 })).toFile(path)
  return { path, scale }
}

function rawOf(picture: { readonly width: number; readonly height: number }) {
  return { width: picture.width, height: picture.height, channels: 4 as const }
}
