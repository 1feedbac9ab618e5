import { basename, join } from 'node:path'
import { annotateImage } from '../../shared/images/annotate-image.ts'
import type { PelletMark } from '../../shared/images/annotation-svg.ts'
import { writeContactSheet } from '../../shared/images/contact-sheet.ts'
import { formatCount } from '../format-number.ts'
import type { PixelSize } from '../parse-option.ts'
import { inspectionCaption } from './describe-inspection.ts'
import type { InspectedImage, InspectedPellet } from './inspect-image.ts'

export interface WritePicturesOptions {
  readonly folder: string
  /** Name of the pictures without ending. */
  readonly name: string
  readonly modelId: string
  readonly pixelSize: PixelSize | undefined
}

/** Most pellets on a contact sheet. */
const worstPellets = 64

/** Writes `NAME.annotated.png` (or `.jpg`) and, where a pellet was judged, `NAME.worst.png`; resolves with a line about each. */
export async function writePictures(image: InspectedImage, options: WritePicturesOptions): Promise<readonly string[]> {
  const lines: string[] = []
  const { roi } = image
  const wholeImage = roi.width === image.width && roi.height === image.height
  const annotated = await annotateImage({
    file: image.file,
    target: join(options.folder, `${options.name}.annotated`),
    width: image.width,
    height: image.height,
    marks: marksOf(image.pellets),
    lightBed: image.polarity === 'dark-on-light',
    caption: inspectionCaption(image, options.modelId),
    ...(options.pixelSize && { umPerPx: { across: options.pixelSize.acrossUm, along: options.pixelSize.alongUm } }),
    ...(!wholeImage && { roi }),
  })
  const scaled =
    annotated.scale === 1
      ? ''
      : ` (drawn at ${(annotated.scale * 100).toFixed(annotated.scale < 0.1 ? 1 : 0)} % of the image's size)`
  lines.push(`${annotated.path}${scaled}`)

  const judged = image.pellets.filter((pellet) => pellet.scoreNg !== null && pellet.crop !== undefined)
  if (judged.length === 0) return lines
  const worst = judged.sort((a, b) => b.scoreNg! - a.scoreNg! || a.index - b.index).slice(0, worstPellets)
  const path = join(options.folder, `${options.name}.worst.png`)
  await writeContactSheet({
    path,
    title: `${basename(image.file)}: ${sheetTitle(worst, judged.length)}`,
    crops: worst.map(({ index, scoreNg, verdict, crop }) => ({
      index,
      scoreNg: scoreNg!,
      ng: verdict === 'NG',
      pixels: crop!,
    })),
  })
  lines.push(path)
  return lines
}

function sheetTitle(worst: readonly InspectedPellet[], judged: number): string {
  if (worst.length === judged) return `all ${formatCount(judged)} judged pellets, highest NG score first`
  return `${worst.length} of ${formatCount(judged)} judged pellets, highest NG score first`
}

/** The picture numbers at most this many NG pellets, those of the highest scores: more would cover it and take minutes. */
const numberedPellets = 2000

function marksOf(pellets: readonly InspectedPellet[]): readonly PelletMark[] {
  const scores = pellets.flatMap(({ verdict, scoreNg }) => (verdict === 'NG' ? [scoreNg!] : [])).sort((a, b) => b - a)
  const leastScore = scores[numberedPellets - 1] ?? 0
  return pellets.map(({ index, verdict, scoreNg, x, y, width, height, outline, specks }) => ({
    index,
    state: verdict === null ? 'not-judged' : verdict === 'NG' ? 'ng' : 'ok',
    box: { x, y, width, height },
    outline,
    specks: specks.map((speck) => ({ x: speck.x, y: speck.y, diameterPx: speck.equivalentDiameterPx })),
    numbered: (scoreNg ?? 0) >= leastScore,
  }))
}
