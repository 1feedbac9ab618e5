import assert from 'node:assert/strict'
import { test } from 'node:test'
import { create } from '@bufbuild/protobuf'
import { StripHeaderSchema } from '../gen/pelletline/inspection/v1/inspection_pb.ts'
import { PixelEncoding, SegmentationService } from '../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createNotifier } from '../shared/queue/notifier.ts'
import { implement } from '../shared/rpc/implement.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import { systemClock } from '../shared/service/clock.ts'
import { silentLogger } from '../shared/telemetry/logger.ts'
import { createKeptStrips } from './kept-strips.ts'
import { linkSegmentation } from './link-segmentation.ts'

test('a run whose next strip fails every time is given up, though its context strip is answered each time', async () => {
  const kept = createKeptStrips(0n, 1n, () => {})
  for (const number of [0n, 1n]) {
    const header = create(StripHeaderSchema, {
      key: { plant: 'p', line: 'l', camera: 'c', run: 'r', strip: number },
      width: 16,
      medianAreaPx: 100,
      minAreaPx: 5,
      cropScale: 1,
      lot: 'lot',
    })
    const durable = number === 0n
    kept.add({
      number,
      header,
      pixels: new Uint8Array(0),
      sparse: undefined,
      receivedUnixNs: 0n,
      durable,
      settled: false,
    })
  }
  let streams = 0
  const segmentation = createLocalClient(
    implement(SegmentationService, {
      segmentImage: () => Promise.reject(new Error('nobody calls this')),
      async *segmentStrips(requests) {
        streams++
        for await (const { header, context } of requests) {
          if (!context) throw new PelletlineError('internal', 'this strip always fails')
          yield { strip: header?.key?.strip ?? 0n, nextStrip: 0n, credits: 2 }
        }
      },
    }),
  )
  const run = { name: 'p/l/c/r', kept, ended: () => false, notifier: createNotifier(), onAnswer: () => {} }
  const options = { segmentation, clock: systemClock, logger: silentLogger, retryFirstMs: 1, retryMaxMs: 2 }
  await assert.rejects(linkSegmentation(run, options, AbortSignal.timeout(5000)), { message: /always fails/ })
  assert.equal(streams, 5)
})

test('sparse strips go whole until the stream has named their coding, and for ever to a segmentation that never does', async () => {
  const sentTo = async (acceptedEncodings: readonly PixelEncoding[]) => {
    const kept = createKeptStrips(0n, 0n, () => {})
    for (const number of [0n, 1n, 2n]) {
      const header = create(StripHeaderSchema, {
        key: { plant: 'p', line: 'l', camera: 'c', run: 'r', strip: number },
        width: 32,
        rows: 4,
        medianAreaPx: 100,
        minAreaPx: 5,
        cropScale: 1,
        lot: 'lot',
        runEnds: number === 2n,
      })
      const sparse = { bitmap: Uint8Array.of(0b10), fill: 7 }
      const pixels = new Uint8Array(64).fill(200)
      kept.add({ number, header, pixels, sparse, receivedUnixNs: 0n, durable: false, settled: false })
    }
    const sent: string[] = []
    const segmentation = createLocalClient(
      implement(SegmentationService, {
        segmentImage: () => Promise.reject(new Error('nobody calls this')),
        async *segmentStrips(requests) {
          for await (const { header, encoding, pixels, blockBitmap } of requests) {
            sent.push(
              `${encoding === PixelEncoding.BLOCKS_16X4 ? 'blocks' : 'whole'} ${pixels.length} ${pixels[0]} ${blockBitmap.length}`,
            )
            const strip = header?.key?.strip ?? 0n
            yield { strip, nextStrip: strip + 1n, credits: 1, acceptedEncodings: [...acceptedEncodings] }
          }
        },
      }),
    )
    const onAnswer = (answer: { strip: bigint; nextStrip: bigint }) => kept.settle(answer.strip, answer.nextStrip)
    const run = { name: 'p/l/c/r', kept, ended: () => true, notifier: createNotifier(), onAnswer }
    const options = { segmentation, clock: systemClock, logger: silentLogger, retryFirstMs: 1, retryMaxMs: 2 }
    await linkSegmentation(run, options, new AbortController().signal)
    return sent
  }
  const whole = 'whole 128 7 0'
  const blocks = 'blocks 64 200 1'
  assert.deepEqual(await sentTo([PixelEncoding.BLOCKS_16X4]), [whole, blocks, blocks])
  assert.deepEqual(await sentTo([]), [whole, whole, whole])
})
