// Whether compressing a message of crops pays: bytes that are saved against processor time, beside what the bus itself costs.
import zlib from 'node:zlib'
import { simulateCrops } from '../services/line-simulator/index.ts'
import { createSegmenter } from '../services/roi-segmentation/index.ts'
import { maxPelletsPerPart } from '../services/shared/bus/topics.ts'
import { cropBytes } from '../services/shared/inspection/crop.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { interleave, ratesOf, ratioOf, spreadOf } from './support/measure.ts'
import { type Figure, printReport } from './support/print-report.ts'

/** What Kafka knows and Node brings along, at the setting that costs least. */
const codecs = {
  'gzip, level 1': (message: Uint8Array) => zlib.gzipSync(message, { level: 1 }),
  'zstd, level 1': (message: Uint8Array) =>
    zlib.zstdCompressSync(message, { params: { [zlib.constants.ZSTD_c_compressionLevel]: 1 } }),
} as const

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, messages: 8 })
  const { rounds, messages } = numbers
  const { pixels } = await simulateCrops({
    count: maxPelletsPerPart,
    ngShare: 0.001,
    seed: 1,
    variety: 'line',
    createSegmenter,
  })
  const crops = pixels.subarray(0, maxPelletsPerPart * cropBytes)
  const megabytes = (messages * crops.length) / 1e6
  const copy = new Uint8Array(crops.length)
  const repeat = (run: () => void) => () => {
    for (let i = 0; i < messages; i += 1) run()
  }
  const times = await interleave(
    [
      ...Object.entries(codecs).map(([name, compress]) => ({ name, run: repeat(() => compress(crops)) })),
      { name: 'copy', run: repeat(() => copy.set(crops)) },
    ],
    rounds,
  )
  const figures: Figure[] = [...times].map(([what, ms]) => ({
    what,
    unit: 'MB/s',
    spread: spreadOf(ratesOf(ms, megabytes)),
  }))
  const facts = Object.fromEntries(
    Object.entries(codecs).map(([name, compress]) => [
      `bytes of ${name}, share of the message`,
      Number((compress(crops).length / crops.length).toFixed(3)),
    ]),
  )
  printReport(
    {
      bench: 'compression',
      about: `messages of ${maxPelletsPerPart} simulated crops (${(crops.length / 1e6).toFixed(2)} MB) compressed on one core`,
      rounds,
      figures,
      ratios: Object.keys(codecs).map((name) => ({
        what: `time of ${name}`,
        against: 'a copy',
        spread: ratioOf(times.get(name)!, times.get('copy')!),
      })),
      facts,
    },
    json,
  )
})
