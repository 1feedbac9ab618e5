import assert from 'node:assert/strict'
import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  type Calibrations,
  type CameraGateway,
  cameraGatewayOptionsSchema,
  createCameraGateway,
} from '../../services/camera-gateway/index.ts'
import type {
  CameraGatewayService,
  OpenIntakeSchema,
  StreamStripsRequestSchema,
  StreamStripsResponse,
} from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import type { StripToSend } from '../../services/shared/camera/send-strips.ts'
import type { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../../services/shared/queue/bounded-queue.ts'
import { createLocalClient } from '../../services/shared/rpc/local-client.ts'
import type { ServiceClient } from '../../services/shared/rpc/types.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { createTestRegistry } from './line-registry.ts'
import { createTestSegmentation } from './test-segmentation.ts'

const gateways: CameraGateway[] = []

/** Ends the gateways that a test file has started. */
export async function stopGateways(): Promise<void> {
  await Promise.all(gateways.map((gateway) => gateway.drain(0)))
}

/** A gateway with the test's registry and segmentation, all in this process. */
export function startGateway({
  lag = 0,
  assigned = true,
  options = {},
  calibrations = new Map(),
}: {
  lag?: number
  assigned?: boolean
  options?: object
  calibrations?: Calibrations
} = {}) {
  const registry = createTestRegistry()
  const segmentation = createTestSegmentation({ lag })
  if (assigned) registry.assign('lot-1')
  const gateway = createCameraGateway({
    plant: 'plant-1',
    registry: createLocalClient(registry.implementation),
    segmentation: createLocalClient(segmentation.implementation),
    clock: systemClock,
    logger: silentLogger,
    calibrations,
    options: cameraGatewayOptionsSchema.parse({ creditLimit: 4, retryFirstMs: 1, retryMaxMs: 4, ...options }),
  })
  gateways.push(gateway)
  const client = createLocalClient(gateway.implementations[0]!) as ServiceClient<typeof CameraGatewayService>
  return { registry, segmentation, gateway, client }
}

type Client = ServiceClient<typeof CameraGatewayService>

/** A stream that the test drives message by message. */
export function openStream(client: Client, opening?: MessageInitShape<typeof OpenIntakeSchema>) {
  const requests = createBoundedQueue<MessageInitShape<typeof StreamStripsRequestSchema>>({ limit: 1000 })
  const cancel = new AbortController()
  const responses = client.streamStrips(requests, { signal: cancel.signal })[Symbol.asyncIterator]()
  if (opening !== undefined) requests.tryPush({ message: { case: 'open', value: opening } })
  const next = async (): Promise<StreamStripsResponse['message'] | undefined> => {
    const result = await responses.next()
    return result.done ? undefined : result.value.message
  }
  return {
    next,
    send: (...sent: StripToSend[]) => {
      for (const strip of sent) requests.tryPush({ message: { case: 'strip', value: strip } })
    },
    sendRaw: (request: MessageInitShape<typeof StreamStripsRequestSchema>) => requests.tryPush(request),
    end: () => requests.close(),
    cancel: () => cancel.abort(),
    async opened() {
      const message = await next()
      assert.equal(message?.case, 'opened')
      return message!.value as { nextStrip: bigint; credits: number }
    },
    /** Reads until strips below `number` are acknowledged; sums the credits. */
    async acknowledged(number: number) {
      let credits = 0
      for (;;) {
        const message = await next()
        if (message?.case !== 'acknowledgement') assert.fail(`${message?.case} instead of an acknowledgement`)
        credits += message.value.credits
        if (message.value.nextStrip >= BigInt(number)) return { ...message.value, credits }
      }
    },
    /** Reads to the end, which must be an error of this code; returns it. */
    async refused(code: string): Promise<PelletlineError> {
      try {
        while ((await next()) !== undefined) {
          // What was acknowledged before the error is of no interest.
        }
      } catch (reason) {
        const error = reason as PelletlineError
        assert.equal(error.code, code, error.message)
        return error
      }
      return assert.fail('the stream ended well')
    },
  }
}

/** Resolves once so many strips of line-1 are in flight. */
export async function inFlight(gateway: CameraGateway, count: number): Promise<void> {
  while (gateway.snapshot('line-1')?.stripsInFlight !== count) await systemClock.sleep(1)
}
