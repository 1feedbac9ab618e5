import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { PlantOptions } from '../options.ts'
import { chooseListen, parseListenOption } from './choose-listen.ts'
import { serviceNames } from './service-starts.ts'

/** Where the processes of a plant listen for others than their peers. */
export interface PlantAddresses {
  /** Of analytics, which answers for the plant. */
  readonly listen: string
  /** Of the gateway; undefined: on its socket. */
  readonly cameras: string | undefined
  /** Where Prometheus reads, service by service in the order of `serviceNames`; undefined: nowhere. */
  readonly metrics: readonly string[] | undefined
}

/** An address with the option that it comes from. */
interface Wanted {
  readonly address: string
  readonly option: string
}

/**
 * Chooses the addresses of a plant before anything is started: a port 0 becomes a free one, and what is no address, is taken,
 * or is wanted twice is refused by its option.
 */
export async function chooseAddresses({
  listen,
  cameras,
  telemetry,
}: Pick<PlantOptions, 'listen' | 'cameras' | 'telemetry'>): Promise<PlantAddresses> {
  const metrics = telemetry.prometheusListen === undefined ? undefined : countPorts(telemetry.prometheusListen)
  const wanted: Wanted[] = [
    { address: parseListenOption(listen, '--listen'), option: '--listen or --port' },
    ...(cameras === undefined ? [] : [{ address: parseListenOption(cameras, '--cameras'), option: '--cameras' }]),
    ...(metrics ?? []).map((address) => ({ address, option: '--prometheus' })),
  ]
  wanted.forEach((one, index) => {
    const other = wanted.slice(0, index).find(({ address }) => collide(address, one.address))
    if (other === undefined) return
    const text = `${one.address} is wanted twice, by ${other.option} and by ${one.option}; give one of them another port.`
    throw new PelletlineError('invalid_argument', text)
  })
  const taken = new Set(wanted.map(({ address }) => portOf(address)))
  const chosen: string[] = []
  for (const { address, option } of wanted) {
    const found = await chooseListen(address, option, taken)
    taken.add(portOf(found))
    chosen.push(found)
  }
  const given = cameras === undefined ? 1 : 2
  return {
    listen: chosen[0]!,
    cameras: cameras === undefined ? undefined : chosen[1],
    metrics: metrics === undefined ? undefined : chosen.slice(given),
  }
}

/** The address of each service where Prometheus reads: the given port and those that follow it. */
function countPorts(prometheus: string): string[] {
  const first = parseListenOption(prometheus, '--prometheus')
  if (first.startsWith('unix:')) {
    const text = `--prometheus: ${first} would be that of ${serviceNames.length} services; give HOST:PORT, from which each takes a port of its own.`
    throw new PelletlineError('invalid_argument', text)
  }
  const port = portOf(first)
  const last = 65_535 - (serviceNames.length - 1)
  if (port > last) {
    const text = `--prometheus: the services take port ${port} and the ${serviceNames.length - 1} that follow it, which are no ports any more; give one of at most ${last}.`
    throw new PelletlineError('invalid_argument', text)
  }
  const host = first.slice(0, first.lastIndexOf(':'))
  return serviceNames.map((_, index) => `${host}:${port === 0 ? 0 : port + index}`)
}

/** Port of an address; 0 where it has none. */
function portOf(address: string): number {
  return address.startsWith('unix:') ? 0 : Number(address.slice(address.lastIndexOf(':') + 1))
}

const everyHost = ['0.0.0.0', '[::]']

/** Whether two addresses cannot be bound at once, as far as they show it: the same socket, or the same port of one host. */
function collide(one: string, other: string): boolean {
  if (one === other) return portOf(one) !== 0 || one.startsWith('unix:')
  if (portOf(one) === 0 || portOf(one) !== portOf(other)) return false
  const hosts = [one, other].map((address) =>
    address.slice(0, address.lastIndexOf(':')).replace('localhost', '127.0.0.1'),
  )
  return hosts[0] === hosts[1] || hosts.some((host) => everyHost.includes(host))
}
