import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { toBinary } from '@bufbuild/protobuf'
import { cameraGatewayOptionsSchema, createCameraGateway } from '../../services/camera-gateway/index.ts'
import { CameraGatewayService } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { type CropsMessage, CropsMessageSchema } from '../../services/gen/pelletline/events/v1/events_pb.ts'
import { RegistryService } from '../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { SegmentationService } from '../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { createRoiSegmentation, segmentationOptionsSchema } from '../../services/roi-segmentation/index.ts'
import { createMemoryBus } from '../../services/shared/bus/memory-bus.ts'
import { consumeTopic } from '../../services/shared/bus/messages.ts'
import { topics } from '../../services/shared/bus/topics.ts'
import { sendStrips } from '../../services/shared/camera/send-strips.ts'
import type { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { createNotifier } from '../../services/shared/queue/notifier.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'
import { startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { createTestRandom, cutRows, drawBelt } from '../support/draw-belt.ts'
import { createTestRegistry } from '../support/line-registry.ts'
import { openingOf, sourceOf, stripsOf } from '../support/line-source.ts'

const folder = await mkdtemp(join(tmpdir(), 'pelletline-strips-'))
const cleanups: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true })]
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})
let stages = 0

/** Gateway, segmentation and registry, each behind gRPC on a socket of its own, and a consumer of crops. */
async function startStages({ maxBytesPerTopic, hold }: { maxBytesPerTopic?: number; hold?: Promise<void> } = {}) {
  const id = stages++
  const logger = silentLogger
  const clock = systemClock
  const path = (name: string) => `unix:${join(folder, `${name}-${id}.sock`)}`
  const bus = createMemoryBus(maxBytesPerTopic === undefined ? {} : { maxBytesPerTopic })
  const registry = createTestRegistry()
  const registryServer = await startRpcServer({
    listen: path('registry'),
    implementations: [registry.implementation],
    logger,
  })
  const startSegmentation = async () => {
    const options = segmentationOptionsSchema.parse({ workers: 1 })
    const service = createRoiSegmentation({ bus, clock, logger, options })
    const listen = path('segmentation')
    const server = await startRpcServer({ listen, implementations: service.implementations, logger })
    return async (timeoutMs: number) => {
      await service.drain(timeoutMs)
      await server.drain(timeoutMs)
    }
  }
  let stopSegmentation = await startSegmentation()
  const registryClient = createRpcClient(RegistryService, { address: registryServer.address })
  const segmentationClient = createRpcClient(SegmentationService, { address: path('segmentation') })
  const startGateway = async () => {
    // The median area stays the recipe's: it follows the answers, and so the pace at which they come.
    const area = { areaWindow: 100_000, areaMinSamples: 100_000 }
    const options = cameraGatewayOptionsSchema.parse({ creditLimit: 6, retryFirstMs: 5, retryMaxMs: 50, ...area })
    const service = createCameraGateway({
      plant: 'plant-1',
      registry: registryClient,
      segmentation: segmentationClient,
      clock,
      logger,
      options,
    })
    const listen = path('gateway')
    const server = await startRpcServer({ listen, implementations: service.implementations, logger })
    return { service, server }
  }
  let gateway = await startGateway()
  const client = createRpcClient(CameraGatewayService, { address: gateway.server.address })
  registry.assign('lot-1')

  const parts = new Map<string, CropsMessage>()
  const arrived = createNotifier()
  let duplicates = 0
  await consumeTopic(bus, {
    topic: topics.crops,
    group: 'test',
    maxInFlight: 4,
    async handle(part) {
      await hold
      const name = `${part.header!.key!.run}/${part.header!.key!.strip}/${part.part}`
      if (parts.has(name)) duplicates++
      parts.set(name, part)
      arrived.notify()
    },
  })

  cleanups.push(async () => {
    client.close()
    await gateway.service.drain(100)
    await gateway.server.drain(100)
    await stopSegmentation(100)
    registryClient.close()
    segmentationClient.close()
    await registryServer.drain(100)
    await bus.close()
  })

  return {
    client,
    parts,
    registry,
    duplicates: () => duplicates,
    snapshot: () => gateway.service.snapshot('line-1'),
    /** Resolves once the last strip of the run has come, and all before it. */
    async allParts(run: string, strips: number) {
      for (;;) {
        const changed = arrived.changed()
        const own = [...parts.values()].filter((part) => part.header!.key!.run === run)
        const seen = new Set(own.map((part) => part.header!.key!.strip))
        if (seen.size === strips) return own.sort((a, b) => Number(a.header!.key!.strip - b.header!.key!.strip))
        await changed
      }
    },
    async restartSegmentation() {
      await stopSegmentation(0)
      stopSegmentation = await startSegmentation()
    },
    async restartGateway(timeoutMs: number) {
      await gateway.service.drain(timeoutMs)
      await gateway.server.drain(timeoutMs)
      gateway = await startGateway()
    },
  }
}

/** All of the parts but the times. */
function productOf(parts: readonly CropsMessage[]): string[] {
  return parts.map((part) => {
    const { times, ...rest } = part
    return Buffer.from(toBinary(CropsMessageSchema, rest)).toString('base64')
  })
}

const belt = drawBelt({ width: 256, rows: 1500, pellets: 250, seed: 11 })
const cuts = cutRows(belt.rows, createTestRandom(4), 60)

test('strips sent to the gateway become crops on the bus, each counted once, stamped with lot, recipe and light', async () => {
  const { client, allParts, registry, snapshot } = await startStages()
  const progress = await sendStrips(client, { open: openingOf(belt), strips: sourceOf(stripsOf(belt, cuts)) })
  assert.equal(progress.acknowledgedBelow, BigInt(cuts.length))
  const parts = await allParts('run-1', cuts.length)
  const sum = (read: (part: NonNullable<CropsMessage['reconciliation']>) => bigint) =>
    parts.reduce((total, part) => total + read(part.reconciliation!), 0n)
  assert.equal(
    sum((counts) => counts.rowsAcquired),
    1500n,
  )
  assert.equal(
    sum((counts) => counts.strips),
    BigInt(cuts.length),
  )
  assert.ok(sum((counts) => counts.found) > 150n)
  for (const { header } of parts) {
    assert.equal(header!.lot, 'lot-1')
    assert.equal(header!.recipe, 'recipe-1')
    assert.equal(header!.recipeVersion, 3)
    assert.ok(header!.threshold > 60 && header!.threshold < 150, `threshold ${header!.threshold}`)
    assert.ok(header!.bedLevel > 10 && header!.bedLevel < 30)
  }
  assert.deepEqual(await registry.reported(1), [{ run: 'run-1', strip: 0n, strips: BigInt(cuts.length), lot: 'lot-1' }])
  assert.deepEqual(snapshot(), {
    rowsAcquired: 1500,
    rowsLost: 0,
    strips: cuts.length,
    stripsInFlight: 0,
    creditLimit: 6,
    lot: 'lot-1',
  })
})

test('a consumer that stands still stops the camera side at the credits, and all crops come once it goes on', async () => {
  const hold = Promise.withResolvers<void>()
  const { client, allParts, snapshot } = await startStages({ maxBytesPerTopic: 100_000, hold: hold.promise })
  let given = 0
  let acknowledged = 0n
  let mostHeld = 0n
  const strips = sourceOf(stripsOf(belt, cuts), async (index) => {
    given = index + 1
    const held = BigInt(given) - acknowledged
    if (held > mostHeld) mostHeld = held
  })
  const sending = sendStrips(client, {
    open: openingOf(belt),
    strips,
    onAcknowledged: (progress) => {
      acknowledged = progress.acknowledgedBelow
    },
  })
  while ((snapshot()?.stripsInFlight ?? 0) < 6) await systemClock.sleep(5)
  assert.ok(given < cuts.length, `${given} of ${cuts.length} strips were taken although nothing moves`)
  assert.equal(snapshot()!.stripsInFlight, 6)
  hold.resolve()
  await sending
  assert.equal((await allParts('run-1', cuts.length)).length, cuts.length)
  // The credits, the strip asked for, and the few that an open pellet still needs.
  assert.ok(mostHeld <= 6n + 5n, `${mostHeld} strips were held at once`)
})

test('strips cut off from segmentation, from the gateway and by a restart of both give the same crops', async () => {
  // A gateway that was started anew estimates the light anew, so it must be the same everywhere.
  const flat = drawBelt({ width: 256, rows: 1500, pellets: 250, seed: 11, flat: true })
  const undisturbed = await startStages()
  await sendStrips(undisturbed.client, { open: openingOf(flat), strips: sourceOf(stripsOf(flat, cuts)) })
  const expected = productOf(await undisturbed.allParts('run-1', cuts.length))

  const disturbed = await startStages()
  const resumes: PelletlineError[] = []
  const third = Math.floor(cuts.length / 3)
  const strips = sourceOf(stripsOf(flat, cuts), async (index) => {
    if (index === third) await disturbed.restartSegmentation()
    if (index === 2 * third) await disturbed.restartGateway(5000)
  })
  await sendStrips(disturbed.client, {
    open: openingOf(flat),
    strips,
    onResume: (error) => resumes.push(error),
  })
  const actual = productOf(await disturbed.allParts('run-1', cuts.length))
  assert.ok(resumes.length > 0)
  assert.deepEqual(actual, expected)
  const reports = await disturbed.registry.reported(2)
  assert.equal(
    reports.reduce((sum, report) => sum + report.strips, 0n),
    BigInt(cuts.length),
  )
})
