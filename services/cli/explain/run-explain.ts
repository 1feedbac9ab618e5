import { availableParallelism } from 'node:os'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { createExplainer, type Explainer } from '../../shared/heatmap/index.ts'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { createInferencePool, type InferencePool } from '../../shared/onnx/inference-pool.ts'
import { loadModel } from '../../shared/onnx/load-model.ts'
import { describeError, exitCodeOfAll } from '../exit-code.ts'
import { formatCount } from '../format-number.ts'
import { listImages, nameOutputs } from '../inspect/list-images.ts'
import { marginOfScore } from '../inspect/options.ts'
import { resolveModel } from '../resolve-model.ts'
import type { Terminal } from '../terminal.ts'
import { createPelletReport } from './create-pellet-report.ts'
import type { ExplainedPellet } from './explained-pellet.ts'
import { type FoundPellet, findPellets } from './find-pellets.ts'
import { printLayers } from './list-layers.ts'
import type { ExplainOptions } from './options.ts'

/**
 * Explains what a model sees in images and reports each pellet as soon as it is done. What cannot be read is named on
 * stderr, the rest is still done; resolves with the exit status. Throws where nothing can be done at all: no model, a
 * layer that it does not have, no output folder.
 */
export async function runExplain(
  paths: readonly string[],
  options: ExplainOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const modelPath = await resolveModel(options.model)
  const { manifest, bytes } = await loadModel(modelPath, { signal })
  if (options.listLayers) {
    printLayers(new Uint8Array(bytes), modelPath, terminal)
    return 0
  }
  if (paths.length === 0) {
    throw new PelletlineError('invalid_argument', 'No image is given; name crops, images or folders of them.')
  }
  const list = await listImages(paths)
  const errors = [...list.errors]
  const report = (error: PelletlineError) => {
    for (const line of describeError(error).lines) terminal.note(line)
  }
  errors.forEach(report)
  if (list.files.length === 0) return exitCodeOfAll(errors)

  const threads = Math.min(availableParallelism(), 8)
  const worker = createGraphWorker({ threads, spinning: false })
  let pool: InferencePool | undefined
  const judge = async () => (pool ??= await createInferencePool({ modelPath, threadsPerWorker: threads, signal }))
  try {
    const explainer = await createExplainer(worker, new Uint8Array(bytes), {
      layers: options.layer,
      score: options.score,
      target: options.target,
      source: modelPath,
    })
    if (options.out !== undefined) await makeFolder(options.out)
    const ngMargin = options.ngScore === undefined ? manifest.threshold : marginOfScore(options.ngScore)
    const pellets = createPelletReport({ model: manifest, options, terminal })
    const names = nameOutputs(list.files)
    const progress = terminal.progress('Explaining', list.files.length, list.files.length === 1 ? 'image' : 'images')
    for (const [done, { path: file, name }] of list.files.entries()) {
      try {
        const found = await findPellets(file, { pool: judge, ngMargin, options, signal })
        for (let from = 0; from < found.pellets.length; from += pelletsAtOnce) {
          const part = found.pellets.slice(from, from + pelletsAtOnce)
          const about = { file, name: names[done]!, ngMargin, score: options.score, signal }
          for (const pellet of await explain(explainer, part, about)) await pellets.add(pellet)
          progress.update(done + (from + part.length) / found.pellets.length, name)
        }
        if (found.pellets.length === 0) {
          const hint = options.all ? '' : '; --all explains the others'
          terminal.note(`${file}: no NG pellet to explain among ${formatCount(found.passedOver)} found${hint}.`)
        }
      } catch (reason) {
        signal.throwIfAborted()
        const error = PelletlineError.from(reason)
        errors.push(error)
        report(error)
      }
      progress.update(done + 1)
    }
    progress.end()
    await pellets.end()
  } finally {
    await pool?.close()
    await worker.close()
  }
  return exitCodeOfAll(errors)
}

/** Pellets that are explained before they are reported: bounds what is held of them. */
const pelletsAtOnce = 64

/** Margin zNG - zOK from which exp(-margin), the slope of the softmax score, is no normal number of float32. */
const saturationMargin = 87

async function explain(
  explainer: Explainer,
  found: readonly FoundPellet[],
  about: {
    readonly file: string
    readonly name: string
    readonly ngMargin: number
    readonly score: string
    readonly signal: AbortSignal
  },
): Promise<readonly ExplainedPellet[]> {
  const { logits, scores, heatmaps } = await explainer.explain(
    found.map(({ crop }) => crop),
    about.signal,
  )
  return found.map((pellet, i): ExplainedPellet => {
    const margin = logits[2 * i + 1]! - logits[2 * i]!
    const saturated = about.score === 'probability' && Math.abs(margin) > saturationMargin
    return {
      ...pellet,
      image: about.file,
      name: pellet.index === undefined ? about.name : `${about.name}.${pellet.index}`,
      scoreNg: 1 / (1 + Math.exp(-margin)),
      verdict: margin >= about.ngMargin ? 'NG' : 'OK',
      score: scores[i]!,
      saturated,
      heatmaps: explainer.layers.map(({ name }) => ({ layer: name, map: heatmaps.get(name)![i]! })),
    }
  })
}
