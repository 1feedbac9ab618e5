import { join } from 'node:path'
import { findPeak, type Heatmap, scaleHeatmap } from '../../shared/heatmap/index.ts'
import { type SheetPellet, writeHeatmapSheet } from '../../shared/images/heatmap-sheet.ts'
import type { FoundPellet } from './find-pellets.ts'

/** A pellet with what the model looked at. */
export interface ExplainedPellet extends FoundPellet {
  /** Path of its image. */
  readonly image: string
  /** What its picture is called without ending. */
  readonly name: string
  /** Softmax score of NG at temperature 1. */
  readonly scoreNg: number
  readonly verdict: 'OK' | 'NG'
  /** What was differentiated. */
  readonly score: number
  /** It is so sure that it has no slope left in float32: there is no heat to see although something speaks for it. */
  readonly saturated: boolean
  readonly heatmaps: readonly { readonly layer: string; readonly map: Heatmap }[]
}

/** An explained pellet as the JSON object of `explain --json`; the peak is in px of the crop. */
export function explanationJson(
  pellet: ExplainedPellet,
  model: { readonly id: string; readonly sha256: string },
  asked: { readonly score: string; readonly target: string },
  picture: string | undefined,
): object {
  return {
    image: pellet.image,
    pellet: pellet.index ?? null,
    ...(pellet.box && { box: pellet.box }),
    model: { id: model.id, sha256: model.sha256 },
    verdict: pellet.verdict,
    scoreNg: Number(pellet.scoreNg.toPrecision(6)),
    explained: {
      score: asked.score,
      target: asked.target,
      value: Number(pellet.score.toPrecision(6)),
      saturated: pellet.saturated,
    },
    heatmaps: pellet.heatmaps.map(({ layer, map }) => {
      const { x, y, value } = findPeak(map)
      const peak = value > 0 ? { x: round(x), y: round(y), value: Number(value.toPrecision(6)) } : null
      return { layer, width: map.width, height: map.height, peak }
    }),
    ...(picture !== undefined && { picture }),
  }
}

function round(value: number): number {
  return Number(value.toFixed(2))
}

/** A pellet as it is drawn: each heatmap from 0 to its own peak. */
export function sheetPellet(pellet: ExplainedPellet): SheetPellet {
  return {
    name: pellet.name,
    verdict: `${pellet.verdict}, score ${pellet.scoreNg.toFixed(3)}`,
    ng: pellet.verdict === 'NG',
    pixels: pellet.crop,
    heats: pellet.heatmaps.map(({ layer, map }) => {
      const { value } = findPeak(map)
      return {
        layer,
        values: value > 0 ? scaleHeatmap(map).values.map((heat) => heat / value) : [],
        caption: value > 0 ? `${map.width}x${map.height}, peak ${value.toExponential(1)}` : describeNoHeat(pellet),
      }
    }),
  }
}

/** Why a heatmap is empty. */
export function describeNoHeat({ saturated }: Pick<ExplainedPellet, 'saturated'>): string {
  return saturated ? 'saturated: take the logit' : 'nothing speaks for it'
}

const pictureEnlargement = 6
const sheetEnlargement = 3

/** Writes the picture of one pellet; returns its path. */
export async function writePelletPicture(folder: string, pellet: ExplainedPellet, title: string): Promise<string> {
  const path = join(folder, `${pellet.name}.heat.png`)
  await writeHeatmapSheet({ pellets: [sheetPellet(pellet)], title, enlargement: pictureEnlargement, path })
  return path
}

/** Writes `heatmaps.png` of all pellets given; returns its path. */
export async function writeContactSheet(
  folder: string,
  pellets: readonly SheetPellet[],
  title: string,
): Promise<string> {
  const path = join(folder, 'heatmaps.png')
  await writeHeatmapSheet({ pellets, title, enlargement: sheetEnlargement, path })
  return path
}
