import { createServer } from 'node:net'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { describeBindFailure, parseListenAddress } from '../../shared/rpc/listen-address.ts'

/**
 * An address on which a service can be started again and again: port 0 becomes one that is free, and a port that is taken
 * is refused before anything is started. Throws `failed_precondition` that names the address and `option`.
 */
export async function chooseListen(listen: string, option: string): Promise<string> {
  const address = parseListenAddress(listen)
  if (address.startsWith('unix:')) return address
  const at = address.lastIndexOf(':')
  const host = address.slice(0, at)
  const server = createServer()
  const port = await new Promise<number>((resolve, reject) => {
    server.once('error', (error) => reject(describeBindFailure(listen, error, option)))
    server.listen(Number(address.slice(at + 1)), host.replace(/^\[|\]$/g, ''), () => {
      const bound = server.address()
      if (bound !== null && typeof bound === 'object') resolve(bound.port)
      else reject(new PelletlineError('internal', `The system did not say which port it gave for ${listen}.`))
    })
  })
  await new Promise((resolve) => server.close(resolve))
  return `${host}:${port}`
}
