// Chooses a model's threshold on simulated pellets that are many enough for the overkill it promises, and writes it with its figures into
// the model's manifest: node_modules/.bin/node scripts/choose-threshold.ts --model FILE --test FILE [--ppm N] [--good N] [--ng N] [--seed N]
// The validation part of a training holds some ten thousand good crops: at 100 ppm two or three of them decide. A signature of the model
// does not fit any more afterwards: sign it last.
import { availableParallelism } from 'node:os'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { judgeSimulated } from '../bench/support/judge-simulated.ts'
import { chooseThreshold } from '../services/distillation/evaluation/choose-threshold.ts'
import { judgeCrops, marginsOf, measureClassifier } from '../services/distillation/index.ts'
import { defaultLine } from '../services/line-simulator/index.ts'
import { readPackedCrops } from '../services/shared/dataset/packed-crops.ts'
import { PelletlineError } from '../services/shared/errors/pelletline-error.ts'
import { createGraphWorker } from '../services/shared/onnx/graph-worker.ts'
import { loadModel } from '../services/shared/onnx/load-model.ts'
import { writeModelManifest } from '../services/shared/onnx/model-manifest.ts'

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    /** Packed crops on which the figures of the manifest's test part are taken. */
    test: { type: 'string' },
    ppm: { type: 'string', default: '80' },
    good: { type: 'string', default: '400000' },
    ng: { type: 'string', default: '40000' },
    // Far from the seeds of training data and of `npm run bench -- release`.
    seed: { type: 'string', default: '660000000' },
  },
})
const { model, test } = values
if (model === undefined || test === undefined) {
  throw new PelletlineError('invalid_argument', 'give --model FILE and --test FILE of packed crops')
}
const ppm = readNumber('ppm', { min: 0, max: 1e6 })
const good = readNumber('good', { min: 1000, max: 1e8, whole: true })
const ng = readNumber('ng', { min: 100, max: 1e8, whole: true })
const seed = readNumber('seed', { min: 0, max: 2 ** 32 - 1, whole: true })
const { bytes, manifest } = await loadModel(model)
const { all } = await judgeSimulated({
  good,
  ng,
  seed,
  student: new Uint8Array(bytes),
  others: [],
  comparison: 0,
  lanes: availableParallelism(),
})
const rule = { kind: 'maxOverkillPpm', ppm } as const
const threshold = chooseThreshold(rule, all.margins, all.labels)
const { smallestSpeckPx } = defaultLine.specks
const validation = measureClassifier(all, { threshold, smallestSpeckPx })
const crops = await readPackedCrops(test)
const judge = createGraphWorker({ threads: availableParallelism() })
const margins = marginsOf((await judgeCrops(judge, new Uint8Array(bytes), crops)).logits)
await judge.close()
const tested = measureClassifier(
  { margins, labels: crops.labels, speckPx: crops.speckPx },
  { threshold, smallestSpeckPx },
)
const { lineage } = manifest
await writeModelManifest(model, {
  ...manifest,
  threshold,
  metrics: { validation, test: tested },
  lineage: { ...lineage, options: { ...lineage.options, thresholdChosenOn: { good, ng, seed, ...rule } } },
})
const { overkill, escape: missed } = validation
process.stdout.write(
  `${manifest.id}: margin ${threshold.toFixed(3)}, overkill ${overkill.ppm?.toFixed(0)} ppm, escapes ${((missed?.rate ?? 0) * 100).toFixed(2)} %\n`,
)

function readNumber(
  name: 'ppm' | 'good' | 'ng' | 'seed',
  { min, max, whole = false }: { readonly min: number; readonly max: number; readonly whole?: boolean },
): number {
  const value = Number(values[name])
  if (values[name].trim() !== '' && value >= min && value <= max && (!whole || Number.isInteger(value))) return value
  const valid = `${whole ? 'a whole number' : 'a number'} from ${min} to ${max}`
  throw new PelletlineError('invalid_argument', `--${name} is ${JSON.stringify(values[name])}; ${valid} is valid.`)
}
