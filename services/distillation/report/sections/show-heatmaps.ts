import type { ExperimentReport } from '../experiment-report.ts'
import { drawHeatmaps } from '../figures/draw-heatmaps.ts'
import { labelOf } from '../find-models.ts'
import { html } from '../html.ts'
import type { Block, Section } from '../section.ts'

/** The paper's figure 9: Grad-CAM of several convolutions, what speaks for NG in NG and in OK crops; undefined where none was made. */
export async function showHeatmaps(report: ExperimentReport): Promise<Section | undefined> {
  const { heatmaps } = report
  if (heatmaps === undefined || heatmaps.crops.length === 0) return undefined
  const blocks: Block[] = [
    html`<p class="lead">What speaks for NG in a crop, whatever its verdict is (Grad-CAM of NG’s softmax score, Selvaraju et al., 2017): dark purple is little, yellow the view’s own peak; the crop
shows through where there is nothing. What speaks for OK is not shown: of a clear OK crop a map may be empty (“nothing speaks for it”), as where the model is so sure
that its score has no slope left (“saturated”). Each map is scaled by itself, so strengths do not compare between maps. Layers from the input on, left to right.</p>`,
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
      title: `What speaks for NG in ${label} crops (Grad-CAM)`,
      caption: `Left: the crop with its number in the test part; then, by layer, the heat of what speaks for NG. Layers: ${heatmaps.layers.join(', ')}.`,
    }
    blocks.push(await drawHeatmaps(description, heatmaps.layers, crops, (id) => labelOf(report, id)))
  }
  return { id: 'heatmaps', title: 'What speaks for NG: figure 9', blocks }
}
