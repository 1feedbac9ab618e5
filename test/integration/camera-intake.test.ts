import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, it } from 'node:test'
import { fromBinary, toBinary } from '@bufbuild/protobuf'
import { CameraGatewayService } from '../../services/gen/pelletline/camera/v1/camera_pb.ts'
import { type CropsMessage, CropsMessageSchema } from '../../services/gen/pelletline/events/v1/events_pb.ts'
import { Polarity } from '../../services/gen/pelletline/inspection/v1/inspection_pb.ts'
import { SegmentationService } from '../../services/gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { streamLine } from '../../services/line-simulator/index.ts'
import { type KafkaBroker, startKafkaBroker } from '../../services/shared/bus/broker/start-kafka-broker.ts'
import type { Bus } from '../../services/shared/bus/bus.ts'
import { kafkaConfigSchema } from '../../services/shared/bus/bus-config.ts'
import { applyTopics } from '../../services/shared/bus/kafka/apply-topics.ts'
import { openBus } from '../../services/shared/bus/open-bus.ts'
import { topics } from '../../services/shared/bus/topics.ts'
import { type SendProgress, sendStrips } from '../../services/shared/camera/send-strips.ts'
import { stripMaxMessageBytes } from '../../services/shared/rpc/channel-options.ts'
import { createRpcClient } from '../../services/shared/rpc/create-rpc-client.ts'
import { type RpcServer, startRpcServer } from '../../services/shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { silentLogger } from '../../services/shared/telemetry/logger.ts'
import { createTestRandom, cutRows, drawBelt } from '../support/draw-belt.ts'
import { type IntakeProcesses, startIntake } from '../support/intake-processes.ts'
import { createTestRegistry, testRecipe } from '../support/line-registry.ts'
import { openingOf, sourceOf, stripsOf } from '../support/line-source.ts'

const group = 'camera-intake-test'
/** The median area stays the recipe's: it follows the answers, and so the pace at which they come. */
const steady = { creditLimit: 6, retryFirstMs: 5, retryMaxMs: 50, areaWindow: 100_000, areaMinSamples: 100_000 }
// Radius 9 and strips of at most 60 rows: every strip ends amid pellets. Flat: a gateway that starts anew sees the same light.
const belt = drawBelt({ width: 2048, rows: 1800, pellets: 300, seed: 21, flat: true })
const cuts = cutRows(belt.rows, createTestRandom(8), 60)

/** The processes that the plant starts, on a broker, with a registry and cameras of the test. */
describe('gateway and segmentation in one process', { timeout: 590_000 }, () => {
  const registry = createTestRegistry()
  const received: CropsMessage[] = []
  let folder: string
  let broker: KafkaBroker
  let registryServer: RpcServer
  let bus: Bus

  const started: IntakeProcesses[] = []
  async function start(intake: 'apart' | 'together', report: (text: string) => void = () => {}) {
    const processes = await startIntake({
      folder,
      intake,
      wire: 'unix',
      registryAddress: registryServer.address,
      bus: { kind: 'kafka', brokers: [broker.address] },
      gateway: steady,
      segmentation: { workers: 1 },
      report,
    })
    started.push(processes)
    return processes
  }
  const connect = ({ cameraAddress }: IntakeProcesses) =>
    createRpcClient(CameraGatewayService, { address: cameraAddress, maxMessageBytes: stripMaxMessageBytes })

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-intake-'))
    broker = await startKafkaBroker({ quickStart: true })
    const config = kafkaConfigSchema.parse({ kind: 'kafka', brokers: [broker.address] })
    await applyTopics(config, { plant: 'plant-1', logger: silentLogger, maxPartitionBytes: 64 * 1024 * 1024 })
    bus = await openBus(config, { plant: 'plant-1', clientId: 'test', clock: systemClock, logger: silentLogger })
    await bus.subscribe({
      topic: topics.crops.name,
      group,
      maxInFlight: 16,
      handle: async ({ value }) => void received.push(fromBinary(CropsMessageSchema, value)),
    })
    registryServer = await startRpcServer({ implementations: [registry.implementation], logger: silentLogger })
    registryServer.setServing('', true)
    registry.assign('lot-1')
  })
  after(async () => {
    // Those that a failed test has left.
    for (const { processes } of started) for (const child of processes.values()) child.kill()
    await bus?.close()
    await registryServer?.drain(0)
    await broker?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  /** The messages of a run once all have come, in order of strip and part; those that came again are among them. */
  async function partsOf(run: string): Promise<CropsMessage[]> {
    while ((await bus.lag(topics.crops.name, group)).messages > 0) await systemClock.sleep(50)
    return received
      .filter(({ header }) => header!.key!.run === run)
      .toSorted((a, b) => Number(a.header!.key!.strip - b.header!.key!.strip) || a.part - b.part)
  }

  /** What was found, by strip and part; a part that came twice must be the same. */
  function contents(parts: readonly CropsMessage[], withHeader: boolean): Map<string, string> {
    const found = new Map<string, string>()
    for (const { times, header, ...part } of parts) {
      const { key, ...stamp } = header!
      const name = `${key!.strip}/${part.part}`
      const whole = withHeader ? { ...part, header: { ...stamp, key: { ...key!, run: 'any' } } } : part
      const content = Buffer.from(toBinary(CropsMessageSchema, whole)).toString('base64')
      assert.equal(found.get(name) ?? content, content, `part ${name} was published twice with different content`)
      found.set(name, content)
    }
    return found
  }

  const countPellets = (parts: readonly CropsMessage[]) =>
    parts.reduce((sum, { reconciliation }) => sum + Number(reconciliation!.found), 0)

  it('puts the same parts on the bus as two processes do, to the bit, and answers SegmentImage at the address of its own', async () => {
    const product = { ...testRecipe, nominalAreaPx: 900, minAreaPx: 150 }
    registry.assign('lot-1', product)
    const truth: number[] = []
    for (const intake of ['apart', 'together'] as const) {
      const processes = await start(intake)
      assert.equal(processes.processes.size, intake === 'apart' ? 2 : 1)
      const gateway = connect(processes)
      const { finished, simulated } = streamLine({
        gateway,
        line: 'line-1',
        camera: 'camera-1',
        run: intake,
        simulation: { seed: 5, seconds: 1.5, speed: 0, startUnixNs: 1_000_000_000n },
        signal: new AbortController().signal,
      })
      await finished
      truth.push(simulated.counters.pelletsByTruth)
      gateway.close()
      const segmentation = createRpcClient(SegmentationService, { address: processes.segmentationAddress })
      const image = new Uint8Array(64 * 64).fill(20)
      for (let row = 24; row < 40; row++) image.fill(200, row * 64 + 24, row * 64 + 40)
      const { pellets } = await segmentation.segmentImage({
        image: { case: 'gray', value: { width: 64, height: 64, pixels: image } },
        polarity: Polarity.LIGHT_ON_DARK,
        threshold: 100,
        pelletDiameterPx: 18,
      })
      assert.equal(pellets?.areaPx.length, 1)
      segmentation.close()
      await processes.stop()
    }
    registry.assign('lot-1', testRecipe)
    const apart = await partsOf('apart')
    const together = await partsOf('together')
    assert.ok(Math.abs(countPellets(apart) / truth[0]! - 1) < 0.05, `${countPellets(apart)} of ${truth[0]}`)
    assert.equal(together.length, apart.length)
    assert.deepEqual(contents(together, true), contents(apart, true))
  })

  /** Sends the belt; `disturb` is called once for each of `at`, when the strips below it are acknowledged. */
  async function sendBelt(processes: IntakeProcesses, run: string, at: readonly number[], disturb: () => void) {
    const gateway = connect(processes)
    const due = [...at]
    const onAcknowledged = ({ acknowledgedBelow }: SendProgress) => {
      if (due.length === 0 || acknowledgedBelow < BigInt(due[0]!)) return
      due.shift()
      disturb()
    }
    const strips = sourceOf(stripsOf(belt, cuts))
    const { acknowledgedBelow } = await sendStrips(gateway, { open: openingOf(belt, { run }), strips, onAcknowledged })
    gateway.close()
    assert.equal(acknowledgedBelow, BigInt(cuts.length))
    assert.equal(due.length, 0)
    return partsOf(run)
  }

  it('SIGTERM in the middle ends it with 0: what it has taken is published once, and the camera goes on with the next process', async () => {
    const reports: string[] = []
    const processes = await start('together', (text) => reports.push(text))
    const whole = await sendBelt(processes, 'undisturbed', [], () => {})
    const { pid } = processes.processes.get('camera-intake')!
    const drained = await sendBelt(processes, 'drained', [20], () => process.kill(pid!, 'SIGTERM'))
    assert.match(reports.join('\n'), /^camera-intake ended with exit code 0.*it starts again/)
    assert.equal(reports.length, 1)
    // The gateway drained first: were segmentation gone before it, its stream would have broken.
    const log = await readFile(join(folder, 'together-camera-intake.log'), 'utf8')
    assert.ok(!log.includes('stream to segmentation broke'))
    assert.equal(drained.length, whole.length, 'a strip was published twice, or not at all')
    assert.deepEqual(contents(drained, false), contents(whole, false))
    await registry.reported(4)
    const strips = registry.reports.filter(({ run }) => run === 'drained').map((report) => Number(report.strips))
    assert.equal(
      strips.reduce((sum, count) => sum + count, 0),
      cuts.length,
    )
    await processes.stop()
  })

  it('kill -9 in the middle, twice, loses no pellet and counts none twice', async () => {
    const reports: string[] = []
    const processes = await start('together', (text) => reports.push(text))
    const killed = await sendBelt(processes, 'killed', [15, 40], () =>
      process.kill(processes.processes.get('camera-intake')!.pid!, 'SIGKILL'),
    )
    assert.equal(reports.filter((text) => text.startsWith('camera-intake was killed by SIGKILL')).length, 2)
    const whole = contents(await partsOf('undisturbed'), false)
    assert.ok(whole.size >= cuts.length)
    assert.deepEqual(contents(killed, false), whole)
    await processes.stop()
  })
})
