import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createGraphWorker } from '../../shared/onnx/graph-worker.ts'
import { type ModelPrecision, modelPrecisions } from '../../shared/onnx/model-manifest.ts'
import { judgeCrops } from '../evaluation/judge-crops.ts'
import { exportModel } from '../export/export-model.ts'
import { createNetwork } from '../networks/create-network.ts'
import type { Network } from '../networks/network.ts'
import { normalizationEpsilon } from '../operators/batch-normalization.ts'
import { largestError } from '../test-support/largest-error.ts'
import { shakenState } from '../test-support/shaken-state.ts'
import { toyCrops } from '../test-support/toy-crops.ts'
import { gatherParameters } from './training-session.ts'
import { unfoldModel } from './unfold-model.ts'

const widths = [16, 16, 16, 32] as const
const networks: Readonly<Record<string, Network>> = {
  student: createNetwork('student', { widths }),
  'student of bottlenecks': createNetwork('student', { widths, block: '1x1-3x3-1x1' }),
  resnet18: createNetwork('resnet18', { widths }),
  vgg16: createNetwork('vgg16', { widths }),
}
const standardisation = { mean: 60.3, deviation: 80 }
const crops = toyCrops(48, 9)
const worker = createGraphWorker({ threads: 1 })
after(() => worker.close())

async function exportAs(
  precision: ModelPrecision,
  network: Network,
  parameters: ReadonlyMap<string, Float32Array> = gatherParameters(network, shakenState(network, 7)),
) {
  const bytes = await exportModel({ network, parameters, standardisation, precision, calibration: { worker, crops } })
  return { path: `${network.name}.onnx`, bytes }
}

const judge = async (bytes: Uint8Array) => (await judgeCrops(worker, Uint8Array.from(bytes), crops)).logits

for (const [name, network] of Object.entries(networks)) {
  test(`the unfolded ${name} answers as the served model does`, async () => {
    // In int8 a ReLU is part of its convolution: what it cut off is not there to be measured.
    const relu = network.layers.some((layer) => layer.kind === 'convolution' && layer.slope === 0)
    for (const precision of modelPrecisions.filter((name) => name !== 'int8' || !relu)) {
      const served = await exportAs(precision, network)
      const parameters = await unfoldModel(network, served, { worker, crops })
      const again = await exportAs('float32', network, parameters)
      const error = largestError(await judge(again.bytes), await judge(served.bytes))
      // The byte model rounds what its layers give, the unfolded one does not.
      assert.ok(error < (precision === 'int8' ? 0.25 : 1e-4), `${precision}: a logit is off by ${error} of the largest`)
    }
  })
}

test('an unfolded layer is normalised by what it gives on the crops', async () => {
  const network = networks['student']!
  const parameters = await unfoldModel(network, await exportAs('float32', network), { worker, crops })
  // What it gave is shift on average and gain in deviation: so it does by the statistics of a batch too.
  const [gain, variance] = ['gain', 'variance'].map((part) => parameters.get(`block1.first.${part}`)!)
  for (let c = 0; c < gain!.length; c++) {
    assert.ok(Math.abs(gain![c]! - Math.sqrt(variance![c]! + normalizationEpsilon)) < 1e-6)
  }
  assert.ok(new Set(variance).size > 8, 'each channel has its own variance')
})

test('a model of other layers or other widths is refused by file and tensor', async () => {
  const network = networks['student']!
  const refused = (message: RegExp) => ({ code: 'failed_precondition', message })
  const unfold = async (other: Network) => unfoldModel(network, await exportAs('float32', other), { worker, crops })
  await assert.rejects(unfold(networks['vgg16']!), refused(/vgg16\.onnx has no tensor stem1/))
  const byteModel = await exportAs('int8', networks['vgg16']!)
  await assert.rejects(
    unfoldModel(networks['vgg16']!, byteModel, { worker, crops }),
    refused(/vgg16\.onnx has no tensor \S+: .* give one, or the float16 or float32 file/),
  )
  const wider = createNetwork('student', { widths: [16, 16, 16, 40] })
  await assert.rejects(unfold(wider), refused(/student\.onnx has \d+ numbers for widen3\.weights, not \d+/))
})
