import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { encodeModel } from '../../onnx/onnx-proto.ts'
import { writeTinyModel } from '../../onnx/test-support/tiny-model.ts'
import { startModel, window } from './small-models.ts'

/**
 * A model that calls a crop NG where pixels are brighter than 160: layer `spots` [N,1,50,50] holds by how much, `pooled`
 * [N,1,25,25] its maximum over 2x2 pixels. One pixel of 255 gives a margin of about 2, none -1.
 */
function spotModel() {
  const { node, constant, standardised, finish } = startModel(1)
  const real = (name: string, dims: readonly number[], ...values: number[]) =>
    constant(name, 'float32', dims, Float32Array.from(values))
  const bias = real('bias', [1], -(160 - 127) / 74)
  node('Conv', [standardised(), real('one', [1, 1, 1, 1], 1), bias], 'spots.0', window(1, 1, 0))
  node('Relu', ['spots.0'], 'spots')
  node('MaxPool', ['spots'], 'pooled', window(2, 2, 0))
  node('GlobalAveragePool', ['pooled'], 'average.map')
  node('Flatten', ['average.map'], 'average', { axis: 1 })
  node('Gemm', ['average', real('head', [1, 2], 0, 1500), real('offset', [2], 0, -1)], 'logits')
  return finish()
}

/** Writes that model with its manifest; returns its path and its digest. */
export async function writeSpotModel(directory: string, id = 'spots') {
  const bytes = encodeModel(spotModel())
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const path = await writeTinyModel(directory, { id, manifest: { sha256 } })
  await writeFile(path, bytes)
  return { path, sha256 }
}

/** A crop of a gray disc with one bright pixel; without it there is nothing bright. */
export function spotCrop(spot?: { readonly x: number; readonly y: number }): Uint8Array {
  const crop = Uint8Array.from({ length: 2500 }, (_, i) => {
    const [x, y] = [(i % 50) - 24.5, Math.floor(i / 50) - 24.5]
    return x * x + y * y < 400 ? 120 : 0
  })
  if (spot !== undefined) crop[50 * spot.y + spot.x] = 255
  return crop
}
