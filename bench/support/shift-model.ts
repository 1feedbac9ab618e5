import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readModelManifest, writeModelManifest } from '../../services/shared/onnx/model-manifest.ts'
import { decodeModel, encodeModel, nodeProto, tensorProto } from '../../services/shared/onnx/onnx-proto.ts'

/**
 * Writes a copy of a model under another id whose margins are `shift` higher, at the cost of one addition: what it has judged can
 * be told from what the original has. Returns the path of the copy.
 */
export async function writeShiftedModel(modelPath: string, folder: string, id: string, shift: number): Promise<string> {
  const model = decodeModel(new Uint8Array(await readFile(modelPath)), modelPath)
  const graph = model.graph!
  const [output] = graph.output
  const last = graph.node.find((node) => node.output.includes(output!.name))!
  last.output = last.output.map((name) => (name === output!.name ? 'unshifted' : name))
  // The names of nodes are unique, and the new one takes the name of the output.
  last.name = 'unshifted'
  graph.initializer.push(tensorProto('shift', 'float32', [2], new Float32Array([0, shift])))
  graph.node.push(nodeProto('Add', ['unshifted', 'shift'], [output!.name]))
  const bytes = encodeModel(model)
  const path = join(folder, `${id}.onnx`)
  await writeFile(path, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const manifest = await readModelManifest(modelPath)
  await writeModelManifest(path, { ...manifest, id, sha256, threshold: manifest.threshold + shift })
  return path
}
