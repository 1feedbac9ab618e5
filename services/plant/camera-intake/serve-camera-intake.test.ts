import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createTestRegistry } from '../../../test/support/line-registry.ts'
import { CameraGatewayService } from '../../gen/pelletline/camera/v1/camera_pb.ts'
import { SegmentationService } from '../../gen/pelletline/segmentation/v1/segmentation_pb.ts'
import { parseConfig } from '../../shared/config/load-config.ts'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { checkHealth } from '../../shared/rpc/check-health.ts'
import { type RpcServer, startRpcServer } from '../../shared/rpc/start-rpc-server.ts'
import { systemClock } from '../../shared/service/clock.ts'
import { silentLogger } from '../../shared/telemetry/logger.ts'
import { cameraIntakeConfigSchema } from './config.ts'
import { serveCameraIntake } from './serve-camera-intake.ts'

describe('gateway and segmentation served together', () => {
  let folder: string
  let registry: RpcServer
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-together-'))
    registry = await startRpcServer({ implementations: [createTestRegistry().implementation], logger: silentLogger })
  })
  after(async () => {
    await registry.drain(0)
    await rm(folder, { recursive: true, force: true })
  })
  const socketOf = (name: string) => `unix:${join(folder, `${name}.sock`)}`
  const configure = (gateway: string, segmentation: string, plant = 'plant-1') =>
    parseConfig(
      cameraIntakeConfigSchema,
      {
        'camera-gateway': {
          listen: gateway,
          registryAddress: registry.address,
          logLevel: 'silent',
          drainTimeoutMs: 100,
        },
        'roi-segmentation': { listen: segmentation, logLevel: 'silent', drainTimeoutMs: 200, plant },
      },
      'intake.json',
    )

  it('each has its own health at its own address: the gateway waits for the registry while segmentation serves', async () => {
    const [gateway, segmentation] = [socketOf('gateway'), socketOf('segmentation')]
    const starting = serveCameraIntake(configure(gateway, segmentation), new AbortController().signal)
    const until = async (address: string) => {
      while (
        !(await checkHealth(address).then(
          () => true,
          () => false,
        ))
      )
        await systemClock.sleep(20)
    }
    await until(segmentation)
    await checkHealth(segmentation, { service: SegmentationService.typeName })
    await assert.rejects(checkHealth(gateway), /listens and does not serve yet/)
    registry.setServing('', true)
    const running = await starting
    await checkHealth(gateway, { service: CameraGatewayService.typeName })
    assert.equal(running.ready, `${gateway} SEGMENTATION ${segmentation}`)
    await running.drain(300)
    await assert.rejects(checkHealth(gateway), /cannot reach/)
    await assert.rejects(checkHealth(segmentation), /cannot reach/)
  })

  it('neither stays up where the other cannot start', async () => {
    registry.setServing('', false)
    const taken = await startRpcServer({ listen: socketOf('taken'), implementations: [], logger: silentLogger })
    const gateway = socketOf('left-alone')
    const starting = serveCameraIntake(configure(gateway, socketOf('taken')), new AbortController().signal)
    await assert.rejects(starting, (error: PelletlineError) => error.code === 'failed_precondition')
    await assert.rejects(checkHealth(gateway), /cannot reach/)
    await taken.drain(0)
  })

  it('being told to end ends a start that still waits', async () => {
    const stop = new AbortController()
    const [gateway, segmentation] = [socketOf('waiting'), socketOf('beside')]
    const starting = serveCameraIntake(configure(gateway, segmentation), stop.signal)
    setTimeout(() => stop.abort(new PelletlineError('cancelled', 'told to end')), 300)
    await assert.rejects(starting)
    for (const address of [gateway, segmentation]) await assert.rejects(checkHealth(address), /cannot reach/)
  })

  it('a configuration names the section of what is wrong, and refuses two plants', () => {
    const wrong = { 'camera-gateway': { listn: ':1' } }
    assert.throws(
      () => parseConfig(cameraIntakeConfigSchema, wrong, 'intake.json'),
      /camera-gateway\.listn: the key is/,
    )
    assert.throws(
      () => configure(':1', ':2', 'plant-2'),
      /roi-segmentation\.plant: found "plant-2"; valid is: "plant-1"/,
    )
    assert.equal(configure(':1', ':2').drainTimeoutMs, 300)
  })
})
