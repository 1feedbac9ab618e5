import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { installGofakes3 } from '../../scripts/tools/s3-tools.ts'

/** An S3 server on loopback with one bucket, which is empty at first. */
export interface S3Server {
  /** `http://127.0.0.1:PORT`; it takes requests without a signature, and does not look at one. */
  readonly endpoint: string
  readonly bucket: string
  put(key: string, bytes: Uint8Array | string): Promise<void>
  remove(key: string): Promise<void>
  close(): Promise<void>
}

/** Starts gofakes3, built by Go at the first call. */
export async function startS3Server(bucket = 'models'): Promise<S3Server> {
  const program = await installGofakes3()
  const args = ['-backend', 'memory', '-initialbucket', bucket, '-host', '127.0.0.1:0']
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'exit')
  let port: string | undefined
  // Read on to the end, so that the server never waits for somebody to read its log.
  const lines = createInterface({ input: child.stderr })
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      port ??= /using port: (\d+)/.exec(line)?.[1]
      if (port !== undefined) resolve()
    })
    ended.then(([code]) => reject(new Error(`gofakes3 ended with ${code}`)), reject)
  })
  const endpoint = `http://127.0.0.1:${port}`
  const send = async (method: string, key: string, body?: Uint8Array | string) => {
    const bytes = typeof body === 'string' ? Buffer.from(body) : new Uint8Array(body ?? [])
    const init = body === undefined ? { method } : { method, body: bytes }
    const { ok, status } = await fetch(`${endpoint}/${bucket}/${key}`, init)
    if (!ok) throw new Error(`${method} ${key}: status ${status}`)
  }
  return {
    endpoint,
    bucket,
    put: (key, bytes) => send('PUT', key, bytes),
    remove: (key) => send('DELETE', key),
    async close() {
      child.kill()
      await ended
    },
  }
}
