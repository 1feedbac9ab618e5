import {
  type NetworkName,
  parseTrainConfig,
  type TrainConfig,
  type TrainingEvent,
  trainNetwork,
} from '../../distillation/index.ts'
import type { CropDataset } from '../../shared/dataset/crop-dataset.ts'
import { makeFolder } from '../../shared/files/make-folder.ts'
import { describeMetrics } from '../evaluate/describe-metrics.ts'
import { formatCount, formatDuration, formatPercent } from '../format-number.ts'
import type { Progress } from '../progress-bar.ts'
import { loadSettings } from '../settings-config.ts'
import type { Terminal } from '../terminal.ts'
import type { TrainOptions } from './options.ts'
import { readTrainingData } from './read-training-data.ts'

/**
 * Trains a network: reads or simulates the crops, shows progress and one line per epoch, and ends with the figures of the
 * model on its test part. The same command again goes on from the last checkpoint.
 */
export async function runTrain(
  network: NetworkName,
  options: TrainOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const config = trainConfig(options)
  await makeFolder(options.out)
  const { splits } = await readTrainingData(options, config.seed, terminal, signal)
  terminal.note(
    `Training ${network} on ${splits.train.source}: ${describePart('train', splits.train)}, ` +
      `${describePart('validation', splits.val)}, ${describePart('test', splits.test)}.`,
  )
  let progress: Progress | undefined
  let resumedAt = 0
  const { modelPath, manifest, curves, history } = await trainNetwork({
    network,
    splits,
    config,
    outDir: options.out,
    resume: true,
    onProgress: (event) => {
      terminal.printJson(event)
      if (event.kind === 'steps') {
        const detail = `epoch ${event.epoch} of ${event.epochs}, loss ${event.loss.toFixed(4)}, rate ${event.rate.toExponential(1)}`
        progress?.update(event.step, detail)
        return
      }
      if (!terminal.json) for (const line of eventLines(event)) terminal.note(line)
      if (event.kind === 'resumed') resumedAt = event.step
      if (event.kind !== 'started') return
      progress = terminal.progress('Training', event.totalSteps, 'steps')
      progress.resume(resumedAt)
    },
    signal,
  }).finally(() => progress?.end())
  const { metrics } = manifest
  terminal.printJson({ kind: 'trained', model: modelPath, id: manifest.id, sha256: manifest.sha256, metrics })
  if (terminal.json) return
  terminal.print(
    `${manifest.id} after ${formatCount(history.length)} epochs, on the ${formatCount(splits.test.count)} test crops:`,
  )
  if (metrics.test !== undefined) describeMetrics(metrics.test, terminal)
  terminal.note(
    `The model is ${modelPath}, its curves are ${curves.png}. Try: npx pelletline inspect IMAGE --model ${modelPath}`,
  )
}

/** The settings of a file, overruled by single options; unknown keys and wrong values are refused by name. */
function trainConfig(options: TrainOptions): TrainConfig {
  const file = options.config === undefined ? {} : loadSettings(options.config, 'train')
  const settings = {
    ...file,
    ...(options.epochs !== undefined && { epochs: options.epochs }),
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    ...(options.rate !== undefined && { baseRate: options.rate }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.id !== undefined && { id: options.id }),
    ...(options.threads !== undefined && { threads: options.threads }),
    ...(options.startFrom !== undefined && { startFrom: options.startFrom }),
  }
  return parseTrainConfig(settings, options.config)
}

function describePart(name: string, { count, labels }: CropDataset): string {
  const ng = labels.reduce((sum, label) => sum + label, 0)
  return `${formatCount(count)} ${name} (${formatPercent(ng / count, 1)} NG)`
}

function eventLines(event: Exclude<TrainingEvent, { kind: 'steps' }>): readonly string[] {
  switch (event.kind) {
    case 'started':
      return [
        `${event.network}: ${formatCount(event.parameters)} parameters, ${formatCount(event.multiplyAdds)} multiply-adds per crop, ${event.threads} threads.`,
        ...(event.blockSize === 1 ? ['This machine has no fast convolution: training takes about twice as long.'] : []),
      ]
    case 'resumed':
      return [`Going on after step ${formatCount(event.step)}; whole epochs done: ${event.epoch}.`]
    case 'epoch': {
      const { epoch, loss, accuracy, valLoss, valAccuracy, rate, seconds } = event.record
      return [
        `Epoch ${epoch}/${event.epochs}  loss ${loss.toFixed(4)}  accuracy ${formatPercent(accuracy)}  validation loss ${valLoss.toFixed(4)}  ` +
          `accuracy ${formatPercent(valAccuracy)}  rate ${rate.toExponential(2)}  ${formatDuration(seconds * 1000)}${event.best ? '  best' : ''}`,
      ]
    }
    case 'written':
      return [`Wrote ${event.path}`]
    case 'refused':
      return [event.message]
    default:
      return event satisfies never
  }
}
