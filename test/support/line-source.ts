import type { MessageInitShape } from '@bufbuild/protobuf'
import { type OpenIntakeSchema, PixelFormat } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import type { StripToSend } from '../../services/shared/camera/send-strips.ts'
import type { Belt } from './draw-belt.ts'

/** Opening of a run on line-1 for a belt. */
export function openingOf(
  belt: Belt,
  change: MessageInitShape<typeof OpenIntakeSchema> = {},
): MessageInitShape<typeof OpenIntakeSchema> {
  return {
    line: 'line-1',
    camera: 'camera-1',
    run: 'run-1',
    width: belt.width,
    pixelFormat: PixelFormat.MONO8,
    optics: { umPerPxAcross: 50, umPerPxAlong: 55 },
    polarity: Polarity.LIGHT_ON_DARK,
    simulated: true,
    ...change,
  } as MessageInitShape<typeof OpenIntakeSchema>
}

/** Strips of a belt by their rows, in order; the last one ends the run unless told otherwise. */
export function stripsOf(belt: Belt, cuts: readonly number[], runEnds = true): StripToSend[] {
  let row = 0
  return cuts.map((rows, strip) => {
    const firstRow = row
    row += rows
    return {
      strip: BigInt(strip),
      firstRow: BigInt(firstRow),
      rows,
      pixels: belt.pixels.subarray(firstRow * belt.width, row * belt.width),
      exposedUnixNs: BigInt(1_000_000 * (strip + 1)),
      encoder: BigInt(firstRow),
      runEnds: runEnds && strip === cuts.length - 1,
    }
  })
}

/** The items as an asynchronous source; `beforeEach` is awaited before each. */
export async function* sourceOf<T>(
  items: readonly T[],
  beforeEach?: (index: number) => Promise<void>,
): AsyncGenerator<T> {
  for (const [index, item] of items.entries()) {
    await beforeEach?.(index)
    yield item
  }
}
