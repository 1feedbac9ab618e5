import { Worker } from 'node:worker_threads'
import { PelletlineError } from '../errors/pelletline-error.ts'
import type { PgliteWorkerData, WorkerReply, WorkerRequest } from './pglite-protocol.ts'
import { toSqlError } from './sql-error.ts'

/** Rows of one statement. */
export interface SqlResult {
  readonly rows: readonly Record<string, unknown>[]
  readonly affected: number
}

/** One SQL session in a worker thread: statements run in the order of the calls. */
export interface SqlSession {
  /** Runs one statement with `$1` parameters. Rejects with a PelletlineError that carries the SQLSTATE. */
  query(sql: string, parameters: readonly unknown[]): Promise<SqlResult>
  /** Ends the session and its thread once all statements have been answered. */
  close(): Promise<void>
}

/**
 * Copies bytes into buffers of their own: cloning a view would copy all of the message it points into.
 */
function detach(parameters: readonly unknown[], transfer: ArrayBuffer[]): unknown[] {
  return parameters.map((parameter) => {
    if (!(parameter instanceof Uint8Array)) return parameter
    const copy = new Uint8Array(parameter)
    transfer.push(copy.buffer)
    return copy
  })
}

/**
 * Starts PGlite in a worker thread, since its calls block the thread they run on, and resolves once the database answers.
 * `directory` absent: in memory. Rejects with `internal` where PGlite cannot open the directory, naming it.
 */
export async function startPgliteWorker(directory: string | undefined): Promise<SqlSession> {
  const workerData: PgliteWorkerData = { directory }
  const worker = new Worker(new URL('./pglite-worker.ts', import.meta.url), { workerData, name: 'pglite' })
  const pending = new Map<number, { resolve: (result: SqlResult) => void; reject: (reason: unknown) => void }>()
  let nextId = 1
  let ended: PelletlineError | undefined

  const end = (reason: PelletlineError) => {
    ended ??= reason
    for (const call of pending.values()) call.reject(ended)
    pending.clear()
  }

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: WorkerReply) => {
      if (message.kind === 'ready') return resolve()
      if (message.kind === 'failed') {
        const place = directory === undefined ? 'in memory' : `in ${directory}`
        return reject(toSqlError(message.failure, `Opening the database ${place}`))
      }
      const call = pending.get(message.id)
      pending.delete(message.id)
      if (message.kind === 'error') call?.reject(toSqlError(message.failure, 'A statement'))
      else call?.resolve(message.kind === 'rows' ? message : { rows: [], affected: 0 })
    })
    worker.on('error', (cause) => {
      const error = new PelletlineError(
        'unavailable',
        `The database thread failed: ${cause}. Start the service anew.`,
        {
          cause,
        },
      )
      reject(error)
      end(error)
    })
    worker.on('exit', () => {
      const error = new PelletlineError('unavailable', 'The database is closed; open it again before the next call.')
      reject(error)
      end(error)
    })
  })

  const send = (request: WorkerRequest, transfer: ArrayBuffer[]): Promise<SqlResult> => {
    if (ended !== undefined) return Promise.reject(ended)
    return new Promise((resolve, reject) => {
      pending.set(request.id, { resolve, reject })
      worker.postMessage(request, transfer)
    })
  }

  return {
    query(sql, parameters) {
      const transfer: ArrayBuffer[] = []
      return send({ id: nextId++, kind: 'query', sql, parameters: detach(parameters, transfer) }, transfer)
    },
    async close() {
      if (ended !== undefined) return
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      await send({ id: nextId++, kind: 'close' }, [])
      await exited
    },
  }
}
