import type { ExperimentReport } from '../experiment-report.ts'
import { drawHeatmaps } from '../figures/draw-heatmaps.ts'
import { labelOf } from '../find-models.ts'
import { html } from '../html.ts'
import type { Block, Section } from '../section.ts'

/** The paper's figure 9: Grad-CAM of several convolutions for OK and for NG crops; undefined where none was made. */
export async function showHeatmaps(report: ExperimentReport): Promise<Section | undefined> {
  const { heatmaps } = report
  if (heatmaps === undefined || heatmaps.crops.length === 0) return undefined
  const blocks: Block[] = [
    html`<p class="lead">Where a convolution looks for its verdict (Grad-CAM, Selvaraju et al., 2017): dark purple is little, yellow the view’s own peak; the crop
shows through where there is nothing. Each map is scaled by itself, so strengths do not compare between maps. Layers from the input on, left to right.</p>`,
  ]
  for (const [label, letter] of [
    ['NG', 'a'],
    ['OK', 'b'],
  ] as const) {
    const crops = heatmaps.crops.filter((crop) => crop.label === label)
    if (crops.length === 0) continue
    const description = {
      name: `figure-9${letter}-heatmaps-${label.toLowerCase()}`,
      paperNumber: `9${letter}`,
      title: `Grad-CAM of ${label} crops`,
      caption: `Left: the crop with its number in the test part; then its heat by layer. Layers: ${heatmaps.layers.join(', ')}.`,
    }
    blocks.push(await drawHeatmaps(description, heatmaps.layers, crops, (id) => labelOf(report, id)))
  }
  return { id: 'heatmaps', title: 'Where the students look: figure 9', blocks }
}
