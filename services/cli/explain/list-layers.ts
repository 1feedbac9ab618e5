import { defaultHeatmapLayer, listHeatmapLayers } from '../../shared/heatmap/index.ts'
import { decodeModel } from '../../shared/onnx/onnx-proto.ts'
import { formatCount } from '../format-number.ts'
import type { Terminal } from '../terminal.ts'

/** Prints the layers of a model that can be shown; JSON: one object for each, from the image to the logits. */
export function printLayers(modelBytes: Uint8Array, source: string, terminal: Terminal): void {
  const model = decodeModel(modelBytes, source)
  const byDefault = defaultHeatmapLayer(model)
  const layers = listHeatmapLayers(model)
  for (const { name, channels, width, height, convolution } of layers) {
    terminal.printJson({ layer: name, channels, width, height, convolution, default: name === byDefault })
  }
  if (terminal.json) return
  terminal.printTable(
    [
      { title: 'Layer' },
      { title: 'Kind' },
      { title: 'Channels', align: 'right' },
      { title: 'Map, px', align: 'right' },
    ],
    layers.map(({ name, channels, width, height, convolution }) => [
      name === byDefault ? `${name} (default)` : name,
      convolution ? 'convolution' : 'pool',
      formatCount(channels),
      `${width} x ${height}`,
    ]),
  )
}
