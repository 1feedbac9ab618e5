import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

const listening = '0A'

/** A listening socket that other machines reach. */
export interface OpenListener {
  /** `ADDRESS:PORT`; `*` where it is every address. */
  readonly address: string
  readonly inode: string
}

/** Listening sockets of a table of the kernel (`/proc/net/tcp`, `/proc/net/tcp6`: proc(5)), but for those on the loopback address. */
export function parseOpenListeners(table: string): readonly OpenListener[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([, local = '', , state, , , , , , inode = '']) => {
      const [host = '', port = ''] = local.split(':')
      if (state !== listening || isLoopback(host)) return []
      const name = /^0+$/.test(host) ? '*' : host
      return [{ address: `${name}:${Number.parseInt(port, 16)}`, inode }]
    })
}

/** Addresses on which these processes listen and which other machines reach; empty where the system has no /proc. */
export function readOpenListeners(pids: readonly number[]): readonly string[] {
  const inodes = new Set(pids.flatMap(readSocketInodes))
  const found = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) => parseOpenListeners(readText(path)))
  return [...new Set(found.filter(({ inode }) => inodes.has(inode)).map(({ address }) => address))].sort()
}

/** Of an address as the kernel writes it: words of 32 bits, each with its bytes from the last to the first. */
function isLoopback(host: string): boolean {
  if (host.length === 8) return host.endsWith('7F')
  return host === '00000000000000000000000001000000' || /^0{16}FFFF0000.{6}7F$/.test(host)
}

function readSocketInodes(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((name) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${name}`))?.[1]
      return inode === undefined ? [] : [inode]
    })
  } catch {
    // It has ended.
    return []
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
