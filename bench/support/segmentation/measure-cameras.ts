import { create } from '@bufbuild/protobuf'
import { StripHeaderSchema } from '../../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { createStripWorkers, type StripWorkers } from '../../../services/roi-segmentation/create-strip-workers.ts'
import type { SegmentationSettings } from '../../../services/roi-segmentation/kernel/types.ts'
import { defaultMinSpeckContrast } from '../../../services/shared/inspection/speck-contrast.ts'
import { systemClock } from '../../../services/shared/service/clock.ts'
import { interleave, ratesOf, type Spread, spreadOf } from '../measure.ts'
import { megabytesOf } from './measure-throughput.ts'
import { type SimulatedStrip, stripWidth } from './simulate-strip.ts'

/** So many cameras at once, each with a worker thread of its own. */
export interface CameraFigures {
  readonly scene: string
  readonly cameras: number
  /** All cameras together. */
  readonly mbPerSecond: Spread
  readonly mbPerSecondPerCamera: Spread
  /** Pellets of all strips of a round; those of one camera times the cameras. */
  readonly pellets: number
}

/** Strips of a camera that are in work or wait for it: the service's default. */
const stripsInWork = 3

/**
 * Speed of the service's own strip workers, from received strips to encoded messages, with one camera and with two. The main
 * thread copies every strip into the memory of its run, as it does with strips from the network.
 */
export async function measureCameras(
  strip: SimulatedStrip,
  settings: SegmentationSettings,
  rounds: number,
  stripsPerCamera: number,
): Promise<CameraFigures[]> {
  const { maxPelletRows, maxPelletsPerStrip } = settings
  const counts = [1, 2]
  const workers = createStripWorkers({
    workers: Math.max(...counts),
    maxRuns: 8,
    limits: { maxPelletRows, maxPelletsPerStrip },
    clock: systemClock,
  })
  try {
    const cameras = counts.map(() => openCamera(workers, strip, settings))
    const pellets = new Map<number, number>()
    const contestants = counts.map((count) => ({
      name: `${count}`,
      async run() {
        const found = await Promise.all(cameras.slice(0, count).map((camera) => camera.send(stripsPerCamera)))
        pellets.set(
          count,
          found.reduce((sum, one) => sum + one, 0),
        )
      },
    }))
    const times = await interleave(contestants, rounds)
    for (const camera of cameras) camera.close()
    return counts.map((count) => {
      const ms = times.get(`${count}`)!
      const megabytes = stripsPerCamera * megabytesOf(strip.rows)
      return {
        scene: strip.name,
        cameras: count,
        mbPerSecond: spreadOf(ratesOf(ms, count * megabytes)),
        mbPerSecondPerCamera: spreadOf(ratesOf(ms, megabytes)),
        pellets: pellets.get(count)!,
      }
    })
  } finally {
    await workers.close()
  }
}

/** A camera that shows the same strip over and over. */
function openCamera(workers: StripWorkers, { pixels, rows }: SimulatedStrip, settings: SegmentationSettings) {
  const run = workers.openRun({ width: stripWidth, resumed: false })
  // Not in shared memory, as what comes from the network is not.
  const received = new Uint8Array(pixels)
  let sent = 0
  const segmentNext = async () => {
    const header = create(StripHeaderSchema, {
      key: { plant: 'plant', line: 'line', camera: 'camera', run: 'run', strip: BigInt(sent) },
      firstRow: BigInt(sent * rows),
      rows,
      width: stripWidth,
      threshold: settings.threshold,
      medianAreaPx: settings.medianAreaPx,
      minAreaPx: settings.minAreaPx,
      cropScale: settings.cropScale,
      bedLevel: settings.bedLevel ?? 0,
      smallestSpeckPx: settings.smallestSpeckPx ?? 0,
      minSpeckContrast: settings.minSpeckContrast ?? defaultMinSpeckContrast,
      optics: { umPerPxAcross: 80, umPerPxAlong: 80 },
      lot: 'lot',
      recipe: 'recipe',
    })
    sent++
    const reply = await run.segment({ header, pixels: received, receivedUnixNs: 0n, context: false })
    return reply.pellets
  }
  return {
    /** Sends so many strips, `stripsInWork` at a time; resolves with the pellets found. */
    async send(strips: number): Promise<number> {
      let left = strips
      let found = 0
      const drive = async () => {
        while (left > 0) {
          left--
          found += await segmentNext()
        }
      }
      await Promise.all(Array.from({ length: stripsInWork }, drive))
      return found
    },
    close: () => run.close(),
  }
}
