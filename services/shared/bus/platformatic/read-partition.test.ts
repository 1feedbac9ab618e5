import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { it } from 'node:test'
import type { PelletlineError } from '../../errors/pelletline-error.ts'
import { createPlatformaticAdmin } from './create-admin.ts'

/** `HOST:PORT` where nothing listens. */
async function closedAddress(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return `127.0.0.1:${port}`
}

it('reading a partition of a broker that is away can be tried again, and names the broker', async () => {
  const address = await closedAddress()
  const admin = createPlatformaticAdmin({ brokers: [address], clientId: 'test' })
  try {
    const read = async () => {
      for await (const record of admin.readPartition({ topic: 't', partition: 0, from: 0n, to: 1n })) return record
      return undefined
    }
    await assert.rejects(read(), (error: PelletlineError) => {
      assert.deepEqual([error.name, error.code, error.retryable], ['PelletlineError', 'unavailable', true])
      assert.ok(error.message.startsWith(`Reading partition 0 of t failed at ${address}: `), error.message)
      return true
    })
  } finally {
    await admin.close()
  }
})
