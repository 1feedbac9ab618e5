import { CameraGatewayService } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { type LineSettingsInput, type PelletTruth, streamLine } from '../../services/line-simulator/index.ts'
import { stripMaxMessageBytes } from '../../services/shared/rpc/channel-options.ts'
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
  /** Rows that the camera lost between them: `[from, to)`. */
  readonly gaps: readonly (readonly [number, number])[]
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
  /** What the camera does while the plant does not keep up: stand, or lose rows as a real one does. */
  readonly overrun: 'slow' | 'lose'
  readonly settings: LineSettingsInput
  readonly signal: AbortSignal
}

/** Streams a simulated line to a gateway as any camera would, and remembers every pellet. */
export function feedWithTruth(options: TruthFeedOptions): TruthFeed {
  const { gatewayAddress, line, run, seed, speed, overrun, settings, signal } = options
  const gateway = createRpcClient(CameraGatewayService, {
    address: gatewayAddress,
    maxMessageBytes: stripMaxMessageBytes,
  })
  const pellets: PelletTruth[] = []
  const gaps: [number, number][] = []
  let strips = 0
  let rows = 0
  let resumed = 0
  const { simulated, stop, finished } = streamLine({
    gateway,
    line,
    camera: 'camera-1',
    run,
    simulation: { settings, seed, speed, overrun, truthList: true },
    signal,
    onResume() {
      resumed++
    },
    onStrip(strip) {
      pellets.push(...(strip.pellets ?? []))
      strips++
      rows += strip.rows
      if (strip.rowsLostBefore > 0) gaps.push([strip.firstRow - strip.rowsLostBefore, strip.firstRow])
    },
  })
  const ended = finished.then(() => undefined).finally(() => gateway.close())
  // Whoever waits for the end hears of a failure; it may come before anybody does.
  ended.catch(() => undefined)
  return {
    truth: {
      line,
      run,
      width: simulated.settings.width,
      pellets,
      gaps,
      get strips() {
        return strips
      },
      get rows() {
        return rows
      },
    },
    get resumed() {
      return resumed
    },
    stop,
    finished: ended,
  }
}
