import { CameraGatewayService } from '../gen/pelletline/camera/v1/camera_pb.ts'
import { startByConfig } from '../shared/config/start-by-config.ts'
import { PelletlineError } from '../shared/errors/pelletline-error.ts'
import { createRpcClient } from '../shared/rpc/create-rpc-client.ts'
import { systemClock } from '../shared/service/clock.ts'
import type { RunningService } from '../shared/service/run-service.ts'
import { withinTime } from '../shared/service/within-time.ts'
import { createLogger } from '../shared/telemetry/logger.ts'
import { type LineSimulatorConfig, lineSimulatorConfigSchema } from './config.ts'
import { parseFault } from './faults.ts'
import { nameRun, streamLine } from './live/stream-line.ts'

// Streams a simulated line to a camera gateway. It is a client only: it listens nowhere, so it has no health service; that
// it lives is seen at the gateway (GetIntake), and its exit code says how it ended.
const name = 'line-simulator'

async function startUp(config: LineSimulatorConfig): Promise<RunningService> {
  const {
    line,
    camera,
    run = nameRun(new Date()),
    seed,
    seconds,
    speed,
    settings,
    gatewayAddress,
    giveUpAfterMs,
  } = config
  const logger = createLogger({ service: name, level: config.logLevel }).child({ line, run })
  const faults = config.faults.map(parseFault)
  const gateway = createRpcClient(CameraGatewayService, {
    address: gatewayAddress,
    maxMessageBytes: config.maxMessageBytes,
  })
  const leaving = new AbortController()
  const { simulated, stop, finished } = streamLine({
    gateway,
    line,
    camera,
    run,
    simulation: { settings, seed, faults, speed, ...(seconds === undefined ? {} : { seconds }) },
    signal: leaving.signal,
    giveUpAfterMs,
    onResume: ({ code, message }) => logger.warn({ code }, `the stream broke and is taken up again: ${message}`),
  })
  return {
    ready: `${line} to ${gatewayAddress}, run ${run}`,
    finished: finished.then(() => undefined),
    async drain(timeoutMs) {
      stop()
      try {
        if (!(await withinTime(finished, timeoutMs, systemClock))) {
          const text = `The gateway ${gatewayAddress} did not take the end of the run within ${timeoutMs} ms.`
          leaving.abort(new PelletlineError('deadline_exceeded', text))
        }
        await finished
        logger.info({ ...simulated.counters }, 'run has ended')
      } finally {
        gateway.close()
      }
    },
  }
}

/** Streams a line by its configuration file until its seconds are over or it is told to end; resolves when the exit code is decided. */
export const start = startByConfig({ name, schema: lineSimulatorConfigSchema, startUp })

if (import.meta.main) await start(process.argv[2] ?? `${name}.yaml`)
