import { lstatSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** Where a server listens when nothing is said: this machine only, a port that is free. */
export const defaultListen = '127.0.0.1:0'

/**
 * Checks `HOST:PORT` (`[::1]:50051` for IPv6, `:50051` for loopback) or `unix:PATH` and returns it in the form that
 * grpc-js binds; throws `invalid_argument` otherwise.
 */
export function parseListenAddress(listen: string): string {
  if (listen.startsWith('unix:') && listen.length > 'unix:'.length) return listen
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:\s]*):(\d{1,5})$/.exec(listen)
  const port = Number(match?.[2])
  if (match === null || port > 65535) {
    throw new PelletlineError(
      'invalid_argument',
      `"${listen}" is no address to listen on; give HOST:PORT, e.g. 127.0.0.1:50051, or unix:PATH.`,
    )
  }
  const host = match[1] === '' ? '127.0.0.1' : match[1]
  return `${host}:${port}`
}

/**
 * Removes the socket file that a process left behind when it was killed; a socket that somebody listens on stays. Does
 * nothing for addresses of other kinds.
 */
export async function removeStaleSocket(address: string): Promise<void> {
  if (!address.startsWith('unix:')) return
  const path = address.slice('unix:'.length)
  if (!lstatSync(path, { throwIfNoEntry: false })?.isSocket()) return
  const refused = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve(false)
    })
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
  })
  if (refused) rmSync(path, { force: true })
}

/** The address with the port that was bound. */
export function boundAddress(address: string, port: number): string {
  return address.startsWith('unix:') ? address : `${address.slice(0, address.lastIndexOf(':'))}:${port}`
}

/** The error of a bind that failed: names the address, the key that configures it, and the next step. */
export function describeBindFailure(listen: string, cause: Error, key = 'listen'): PelletlineError {
  const text = cause.message
  if (/EADDRINUSE/.test(text)) {
    const message = `${listen} is in use by another process; stop that process or give another address (${key}).`
    return new PelletlineError('failed_precondition', message, { cause })
  }
  if (/EACCES|EPERM/.test(text)) {
    const message = listen.startsWith('unix:')
      ? `${listen} cannot be created; its folder must exist and be writable for this user (${key}).`
      : `${listen} may not be bound by this user; give a port above 1023 (${key}).`
    return new PelletlineError('failed_precondition', message, { cause })
  }
  const message = `Cannot listen on ${listen}: ${text}. Give an address of this machine (${key}).`
  return new PelletlineError('failed_precondition', message, { cause })
}
