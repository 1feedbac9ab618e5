import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfig } from '../../services/shared/config/load-config.ts'
import { bucketOf, modelPlaceSchema } from '../../services/shared/onnx/store/model-place-config.ts'
import { createS3Store } from '../../services/shared/onnx/store/s3/create-s3-store.ts'
import { systemClock } from '../../services/shared/service/clock.ts'
import { startS3Gate } from './s3-gate.ts'
import { startS3Server } from './s3-server.ts'

const accessKeyId = 'plant-reader'
const secret = 'only/for+tests='

/** An S3 server behind the checks of S3, with a user who may read it. */
export async function startS3Store(tls?: ServerOptions) {
  const server = await startS3Server()
  const region = 'eu-central-1'
  const gate = await startS3Gate(server.endpoint, {
    accessKeyId,
    secret,
    region,
    ...(tls === undefined ? {} : { tls }),
  })
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-s3-'))
  const secretAccessKeyFile = join(folder, 'secret')
  await writeFile(secretAccessKeyFile, `${secret}\n`)
  const { endpoint } = gate
  /** Its configuration, as a file has it, with some keys changed. */
  const configOf = (changes: object = {}) => ({
    bucket: server.bucket,
    prefix: 'plant/models',
    endpoint,
    region,
    accessKeyId,
    secretAccessKeyFile,
    ...changes,
  })
  return {
    server,
    gate,
    folder,
    configOf,
    open(changes: object = {}) {
      const place = bucketOf(parseConfig(modelPlaceSchema, configOf(changes), 'the store'))
      return createS3Store(place!, { clock: systemClock })
    },
    put: (name: string, bytes: Uint8Array | string) => server.put(`plant/models/${name}`, bytes),
    async close() {
      await gate.close()
      await server.close()
      await rm(folder, { recursive: true })
    },
  }
}
