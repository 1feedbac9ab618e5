import { CameraGatewayService, PixelFormat } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { Polarity } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { createSimulatedLine, type LineSettingsInput, type PelletTruth } from '../../services/line-simulator/index.ts'
import { sendStrips } from '../../services/shared/camera/send-strips.ts'
import type { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'

/** What a camera saw, kept on its side. */
export interface TruthOfRun {
  readonly line: string
  readonly run: string
  readonly width: number
  /** Every pellet that has ended so far. */
  readonly pellets: readonly PelletTruth[]
  /** Strips that were given to the stream, and rows in them. */
  readonly strips: number
  readonly rows: number
}

/** A simulated camera whose truth is kept pellet by pellet. */
export interface TruthFeed {
  readonly truth: TruthOfRun
  /** Breaks of the stream that were resumed. */
  readonly resumed: number
  stop(): void
  /** Resolves once every strip is acknowledged. */
  readonly finished: Promise<void>
}

export interface TruthFeedOptions {
  readonly gatewayAddress: string
  readonly line: string
  readonly run: string
  readonly seed: number
  /** Times real time. */
  readonly speed: number
  readonly settings: LineSettingsInput
  readonly signal: AbortSignal
}

/** Patience of the camera with a gateway that does not come back, ms. */
const giveUpAfterMs = 300_000

/** Streams a simulated line to a gateway as any camera would, and remembers every pellet. */
export function feedWithTruth(options: TruthFeedOptions): TruthFeed {
  const { gatewayAddress, line, run, seed, speed, settings, signal } = options
  const client = createRpcClient(CameraGatewayService, { address: gatewayAddress, maxMessageBytes: 64 * 1024 * 1024 })
  const simulated = createSimulatedLine({ settings, seed, speed, truthList: true, signal })
  const pellets: PelletTruth[] = []
  const truth = { line, run, width: simulated.settings.width, pellets, strips: 0, rows: 0 }
  let resumed = 0

  async function* strips() {
    for await (const strip of simulated) {
      pellets.push(...(strip.pellets ?? []))
      truth.strips++
      truth.rows += strip.rows
      yield {
        strip: BigInt(strip.strip),
        firstRow: BigInt(strip.firstRow),
        rows: strip.rows,
        rowsLostBefore: BigInt(strip.rowsLostBefore),
        pixels: strip.pixels,
        exposedUnixNs: strip.exposedUnixNs,
        encoder: strip.encoder,
        runEnds: strip.runEnds,
      }
    }
  }
  const { umPerPxAcross, umPerPxAlong } = simulated.settings
  const open = {
    line,
    camera: 'camera-1',
    run,
    width: truth.width,
    pixelFormat: PixelFormat.MONO8,
    optics: { umPerPxAcross, umPerPxAlong },
    polarity: Polarity.LIGHT_ON_DARK,
    simulated: true,
  }
  const onResume = (_: PelletlineError) => {
    resumed++
  }
  const finished = sendStrips(client, { open, strips: strips(), signal, giveUpAfterMs, onResume })
    .then(() => undefined)
    .finally(() => client.close())
  finished.catch(() => undefined)
  return {
    truth,
    get resumed() {
      return resumed
    },
    stop: () => simulated.stop(),
    finished,
  }
}
