import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type CameraGateway,
  cameraGatewayOptionsSchema,
  createCameraGateway,
} from '../../services/camera-gateway/index.ts'
import type { CameraGatewayService } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { CropsMessageSchema } from '../../services/gen/pelletline/events/v1/events_pb.ts'
import type { RegistryService } from '../../services/gen/pelletline/registry/v1/registry_pb.ts'
import { PixelEncoding, SegmentationService } from '../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { sendStrips } from '../../services/shared/camera/send-strips.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'
import { createLocalClient } from '../../services/shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../../services/shared/rpc/types.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { createTestRandom, cutRows, drawBelt } from '../support/draw-belt.ts'
import { createTestRegistry } from '../support/line-registry.ts'
import { openingOf, sourceOf, stripsOf } from '../support/line-source.ts'

const folder = await mkdtemp(join(tmpdir(), 'pelletline-killed-'))
const children = new Set<ChildProcess>()
const gateways = new Set<CameraGateway>()
after(async () => {
  for (const gateway of gateways) await gateway.drain(0)
  for (const child of children) child.kill('SIGKILL')
  await rm(folder, { recursive: true, force: true })
})

/** Starts segmentation as a process; `onPublished` is called, with the process, for every strip whose crops are in the file. */
async function startProcess(
  address: string,
  file: string,
  onPublished: (by: ChildProcess) => void,
): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '../support/segmentation-process.ts')
  const child = spawn(process.execPath, [program, address, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  child.once('exit', () => children.delete(child))
  const lines = createInterface({ input: child.stdout! })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  child.once('exit', () => reject(new Error('segmentation ended before it was ready')))
  lines.on('line', (line) => (line === 'ready' ? resolve() : onPublished(child)))
  await promise
  return child
}

/** Sends a belt through a gateway to a segmentation that is killed when it has published strip number `killAt`, for each of them. */
async function runBelt(name: string, sparse: boolean, killAt: readonly number[]) {
  const address = `unix:${join(folder, `${name}.sock`)}`
  const file = join(folder, `${name}.crops`)
  const due = [...killAt]
  let published = 0
  let kills = 0
  let restarting = Promise.resolve()
  let child: ChildProcess
  const onPublished = (killed: ChildProcess) => {
    published++
    // What a killed process had still written is read after its end.
    if (killed.killed || due.length === 0 || published < due[0]!) return
    due.shift()
    kills++
    restarting = (async () => {
      killed.kill('SIGKILL')
      if (killed.exitCode === null && killed.signalCode === null) await once(killed, 'exit')
      assert.equal(killed.signalCode, 'SIGKILL')
      child = await startProcess(address, file, onPublished)
    })()
  }
  child = await startProcess(address, file, onPublished)
  const registry = createTestRegistry()
  const remote = createRpcClient(SegmentationService, { address })
  let asBlocks = 0
  const segmentation: typeof remote = {
    ...remote,
    segmentStrips(requests, options) {
      const counted = async function* () {
        for await (const request of requests) {
          if (request.encoding === PixelEncoding.BLOCKS_16X4) asBlocks++
          yield request
        }
      }
      return remote.segmentStrips(counted(), options)
    },
  }
  const gateway = createCameraGateway({
    plant: 'plant-1',
    registry: createLocalClient(registry.implementation as ServiceImplementation<typeof RegistryService>),
    segmentation,
    clock: systemClock,
    logger: silentLogger,
    sparse,
    // The median area stays the recipe's: it follows the answers, and so the pace at which they come.
    options: cameraGatewayOptionsSchema.parse({
      creditLimit: 6,
      retryFirstMs: 5,
      retryMaxMs: 50,
      areaWindow: 100_000,
      areaMinSamples: 100_000,
    }),
  })
  gateways.add(gateway)
  registry.assign('lot-1')
  const client = createLocalClient(gateway.implementations[0] as ServiceImplementation<typeof CameraGatewayService>)
  const { acknowledgedBelow } = await sendStrips(client, {
    open: openingOf(belt),
    strips: sourceOf(stripsOf(belt, cuts)),
  })
  await restarting
  assert.equal(acknowledgedBelow, BigInt(cuts.length))
  await gateway.drain(1000)
  remote.close()
  child.kill('SIGKILL')
  return { kills, asBlocks, parts: await readParts(file) }
}

/** The parts in a file by strip and part, without their times; a part that is there twice is the same to the byte. */
async function readParts(file: string): Promise<Map<string, string>> {
  const bytes = await readFile(file)
  const parts = new Map<string, string>()
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at)
    const { times, ...part } = fromBinary(CropsMessageSchema, bytes.subarray(at + 4, at + 4 + length))
    at += 4 + length
    const name = `${part.header!.key!.strip}/${part.part}`
    const content = Buffer.from(toBinary(CropsMessageSchema, part)).toString('base64')
    assert.equal(parts.get(name) ?? content, content, `part ${name} was published twice with different content`)
    parts.set(name, content)
  }
  return parts
}

// Radius 9 and strips of at most 60 rows: every strip ends amid pellets, and short ones lie amid them.
const belt = drawBelt({ width: 2048, rows: 1800, pellets: 300, seed: 21 })
const cuts = cutRows(belt.rows, createTestRandom(8), 60)

test('a segmentation that is killed loses no pellet and counts none twice: the gateway resumes with sparse strips', async () => {
  const truth = await runBelt('whole', false, [])
  const resumed = await runBelt('killed', true, [3, 20, 21, 45])
  assert.equal(resumed.kills, 4)
  assert.equal(truth.asBlocks, 0)
  assert.ok(resumed.asBlocks > cuts.length / 2, `${resumed.asBlocks} strips went as blocks`)
  assert.equal(truth.parts.size, cuts.length)
  assert.deepEqual(resumed.parts, truth.parts)
})
