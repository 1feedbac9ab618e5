import { closeSync, openSync, renameSync, statSync } from 'node:fs'

/** A log file that is larger when a process starts becomes `NAME.1`, which replaces the one before it. */
const maxLogBytes = 32 * 1024 * 1024

/** A file to which the output of a process is appended. */
export interface LogFile {
  /** Descriptor of the file, open until `close`. */
  readonly fd: number
  /** Bytes that were in it before. */
  readonly begin: number
  close(): void
}

/** Opens the log of a process that starts, made where missing; throws the system's error where that is not possible. */
export function openLog(path: string): LogFile {
  if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxLogBytes) renameSync(path, `${path}.1`)
  const fd = openSync(path, 'a')
  return { fd, begin: statSync(path).size, close: () => closeSync(fd) }
}
