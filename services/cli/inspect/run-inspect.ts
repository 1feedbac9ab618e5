import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { type CocoSource, cocoOfPellets } from '../../roi-segmentation/index.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { createInferencePool, type InferencePool } from '../../shared/onnx/inference-pool.ts'
import { describeError, exitCodeOfAll } from '../exit-code.ts'
import { formatCount } from '../format-number.ts'
import { resolveModel } from '../resolve-model.ts'
import type { Terminal } from '../terminal.ts'
import {
  type InspectionSummary,
  inspectionColumns,
  inspectionJson,
  inspectionRemarks,
  inspectionRows,
} from './describe-inspection.ts'
import { type InspectedImage, inspectImage } from './inspect-image.ts'
import { listImages, nameOutputs } from './list-images.ts'
import { type InspectOptions, marginOfScore } from './options.ts'
import { writeCrops } from './write-crops.ts'
import { writePictures } from './write-pictures.ts'

/**
 * Inspects all images in turn and reports each as soon as it is done. What cannot be inspected is named on stderr, the
 * rest is still done; resolves with the exit status. Throws where nothing can be done at all: no model, no output folder.
 */
export async function runInspect(
  paths: readonly string[],
  options: InspectOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  const list = await listImages(paths, { passOverCrops: true })
  const errors = [...list.errors]
  const report = (error: PelletlineError) => {
    for (const line of describeError(error).lines) terminal.note(line)
  }
  errors.forEach(report)
  const { others, own } = list.passedOver
  if (others > 0) {
    terminal.note(`Passed over in the folders, since their names are not those of images: ${formatCount(others)}.`)
  }
  if (own > 0) terminal.note(`Passed over, as crops and pictures that pelletline wrote: ${formatCount(own)}.`)
  if (list.files.length === 0) return exitCodeOfAll(errors)

  if (options.out !== undefined) await makeFolder(options.out)
  if (options.crops !== undefined) await makeFolder(options.crops)
  if (options.coco !== undefined) await makeFolder(dirname(options.coco))
  const pool = await createInferencePool({
    modelPath: await resolveModel(options.model),
    threadsPerWorker: Math.min(availableParallelism(), 8),
    signal,
  })
  const summaries: InspectionSummary[] = []
  const coco: CocoSource[] = []
  try {
    const ngMargin = options.ngScore === undefined ? pool.model.threshold : marginOfScore(options.ngScore)
    const names = nameOutputs(list.files)
    const progress = terminal.progress('Inspecting', list.files.length, list.files.length === 1 ? 'image' : 'images')
    for (const [done, { path: file, name }] of list.files.entries()) {
      try {
        const image = await inspectImage(file, {
          pool,
          ngMargin,
          segmentation: {
            roi: options.roi,
            polarity: options.polarity,
            method: options.method,
            threshold: options.threshold,
            pelletDiameterPx: options.pelletDiameter,
            smallestSpeckPx: options.smallestSpeck,
            minSpeckContrast: options.speckContrast,
            outlines: options.coco !== undefined || options.out !== undefined || options.umPerPx !== undefined,
            signal,
            onProgress: (rows, total) => progress.update(done + (0.9 * rows) / total, name),
          },
        })
        const { umPerPx, referenceGray } = options
        terminal.printJson(inspectionJson(image, pool.model, ngMargin, { pixelSize: umPerPx, referenceGray }))
        inspectionRemarks(image, referenceGray).forEach(terminal.note)
        if (options.coco !== undefined) coco.push(cocoSource(image, name))
        if (options.out !== undefined) await drawPictures(image, names[done]!, options, pool, terminal)
        if (options.crops !== undefined) {
          const count = await writeCrops(image, { folder: options.crops, name: names[done]!, signal })
          terminal.note(`Wrote ${formatCount(count)} crops of ${name} to ${options.crops}`)
        }
        const { width, height, counts, elapsedMs } = image
        summaries.push({ file, width, height, counts, elapsedMs })
      } catch (reason) {
        signal.throwIfAborted()
        const error = PelletlineError.from(reason)
        errors.push(error)
        report(error)
      }
      progress.update(done + 1)
    }
    progress.end()
    if (options.coco !== undefined) {
      try {
        await writeFile(options.coco, `${JSON.stringify(cocoOfPellets(coco, cocoCategories))}\n`)
        terminal.note(`Wrote ${options.coco}`)
      } catch (cause) {
        const reason = PelletlineError.from(cause).message
        const message = `The outlines cannot be written to ${options.coco} (${reason}); name another file with --coco.`
        const error = new PelletlineError('invalid_argument', message, { cause })
        errors.push(error)
        report(error)
      }
    }
  } finally {
    await pool.close()
  }
  if (!terminal.json && summaries.length > 0) terminal.printTable(inspectionColumns, inspectionRows(summaries))
  if (errors.length > 0 && summaries.length > 0) {
    terminal.note(
      `${formatCount(errors.length)} ${errors.length === 1 ? 'thing' : 'things'} could not be done; see above.`,
    )
  }
  return exitCodeOfAll(errors)
}

const cocoCategories = ['OK', 'NG', 'not judged'] as const

/** The part of an image that its outlines need: the crops are let go. */
function cocoSource(image: InspectedImage, fileName: string): CocoSource {
  const categories = image.pellets.map(({ verdict }) => (verdict === null ? 2 : cocoCategories.indexOf(verdict)))
  return {
    fileName,
    width: image.width,
    height: image.height,
    pellets: image.pellets.map((pellet) => ({ ...pellet, crop: undefined })),
    categoryOf: (_pellet, index) => categories[index]!,
  }
}

async function drawPictures(
  image: InspectedImage,
  name: string,
  options: InspectOptions,
  pool: InferencePool,
  terminal: Terminal,
): Promise<void> {
  const lines = await writePictures(image, {
    folder: options.out!,
    name,
    modelId: pool.model.id,
    pixelSize: options.umPerPx,
  })
  for (const line of lines) terminal.note(`Wrote ${line}`)
}
