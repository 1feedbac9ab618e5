import { isIP } from 'node:net'
import type { BaseOptions } from '@platformatic/kafka'
import type { ConnectionSettings } from '../kafka/connection-settings.ts'

/** Brokers named by host are asked for by that name (SNI); an address has no name to ask for. */
function haveNames(brokers: readonly string[]): boolean {
  return brokers.every((broker) => isIP(broker.slice(0, broker.lastIndexOf(':')).replace(/^\[|\]$/g, '')) === 0)
}

/**
 * Options of every client of the library. Retries stay few and quick: the layers above try again for as long as it makes
 * sense, and know for what.
 */
export function clientOptions({ brokers, clientId, tls, sasl }: ConnectionSettings): BaseOptions {
  return {
    clientId,
    bootstrapBrokers: [...brokers],
    connectTimeout: 5000,
    requestTimeout: 30_000,
    retries: 3,
    retryDelay: 100,
    autocreateTopics: false,
    strict: true,
    ...(tls !== undefined && { tls: { ...tls }, tlsServerName: haveNames(brokers) }),
    ...(sasl !== undefined && {
      sasl: {
        mechanism: sasl.mechanism === 'scram-sha-256' ? 'SCRAM-SHA-256' : 'SCRAM-SHA-512',
        username: sasl.username,
        password: sasl.password,
      },
    }),
  }
}
