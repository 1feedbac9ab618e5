import { parentPort, workerData } from 'node:worker_threads'
import { PGlite, types } from '@electric-sql/pglite'
import type { PgliteWorkerData, SqlFailure, WorkerReply, WorkerRequest } from './pglite-protocol.ts'

const port = parentPort
if (port === null) throw new Error('pglite-worker.ts runs in a worker thread only; open a store by openDatabase.')
const { directory } = workerData as PgliteWorkerData

function reply(message: WorkerReply) {
  port?.postMessage(message)
}

function describeFailure(reason: unknown): SqlFailure {
  const message = reason instanceof Error ? reason.message : String(reason)
  const code = (reason as { code?: unknown } | null)?.code
  return { message, sqlState: typeof code === 'string' ? code : '' }
}

let database: PGlite
try {
  database = await PGlite.create({
    ...(directory === undefined ? {} : { dataDir: directory }),
    // Always bigint: a number would lose what a uint64 carries, and a type that depends on the value is a trap.
    parsers: { [types.INT8]: BigInt },
  })
  reply({ kind: 'ready' })
} catch (reason) {
  reply({ kind: 'failed', failure: describeFailure(reason) })
  port.close()
}

async function answer(request: WorkerRequest): Promise<void> {
  if (request.kind === 'close') {
    await database.close()
    reply({ kind: 'closed', id: request.id })
    port?.close()
    return
  }
  try {
    const { rows, affectedRows } = await database.query<Record<string, unknown>>(request.sql, [...request.parameters])
    reply({ kind: 'rows', id: request.id, rows, affected: affectedRows ?? 0 })
  } catch (reason) {
    reply({ kind: 'error', id: request.id, failure: describeFailure(reason) })
  }
}

let last = Promise.resolve()
port.on('message', (request: WorkerRequest) => {
  last = last.then(() => answer(request))
})
