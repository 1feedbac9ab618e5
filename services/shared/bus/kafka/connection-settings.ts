import { readFile } from 'node:fs/promises'
import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { KafkaConfig } from '../bus-config.ts'

/** How to reach a broker, with the files of the configuration read. */
export interface ConnectionSettings {
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Name of the plant, where it is known: errors name it in their commands. */
  readonly plant?: string
  /** PEM texts; absent: no TLS. */
  readonly tls?: { ca?: string; cert?: string; key?: string }
  readonly sasl?: {
    readonly mechanism: 'scram-sha-256' | 'scram-sha-512'
    readonly username: string
    readonly password: string
  }
}

async function readSecret(path: string, key: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const reason = PelletlineError.from(cause).message
    throw new PelletlineError('invalid_argument', `bus.${key} cannot be read (${reason}); name a file that is there.`, {
      cause,
    })
  }
}

/** Reads the files that a configuration names. `invalid_argument` names the key of one that cannot be read. */
export async function readConnectionSettings(
  config: KafkaConfig,
  clientId: string,
  plant?: string,
): Promise<ConnectionSettings> {
  const { brokers, tls, sasl } = config
  const read = async (path: string | undefined, key: string) => (path === undefined ? undefined : readSecret(path, key))
  const ca = await read(tls?.caFile, 'tls.caFile')
  const cert = await read(tls?.certificateFile, 'tls.certificateFile')
  const key = await read(tls?.keyFile, 'tls.keyFile')
  const password = (await read(sasl?.passwordFile, 'sasl.passwordFile'))?.replace(/\r?\n$/, '')
  return {
    brokers,
    clientId,
    ...(plant !== undefined && { plant }),
    ...(tls !== undefined && {
      tls: { ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert }), ...(key !== undefined && { key }) },
    }),
    ...(sasl !== undefined &&
      password !== undefined && {
        sasl: { mechanism: sasl.mechanism, username: sasl.username, password },
      }),
  }
}
