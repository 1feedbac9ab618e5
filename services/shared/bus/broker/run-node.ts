import { PelletlineError } from '../../errors/pelletline-error.ts'
import type { BrokerProcess } from './broker-process.ts'

/** A broker that runs on this machine, on loopback. */
export interface KafkaBroker {
  /** `127.0.0.1:PORT`, the same over all restarts. */
  readonly address: string
  readonly directory: string
  /** Process id; changes with a restart. */
  readonly pid: number
  /** Sends a signal; resolves once the process has ended where the signal is SIGKILL or SIGTERM, else at once. */
  kill(signal: NodeJS.Signals): Promise<void>
  /**
   * Starts the broker again on its data, after a stop where it still runs; resolves once it serves. `cancelled` where it is
   * stopped, killed or restarted meanwhile.
   */
  restart(): Promise<void>
  /** SIGTERM, and SIGKILL after 30 s; ends a start that is under way. A temporary directory is deleted. */
  stop(): Promise<void>
}

export interface RunNodeOptions {
  readonly address: string
  readonly directory: string
  /** Starts a process; resolves once it serves. On abort it ends what it has started, and then rejects. */
  readonly start: (signal: AbortSignal) => Promise<BrokerProcess>
  /** Called when a process ends without having been told to, with the last lines that it wrote. */
  readonly onUnexpectedExit?: ((address: string, lastWords: string) => void) | undefined
}

const stopTimeoutMs = 30_000

/** The handle of one node, over as many processes as it takes, one at a time; resolves once the first one serves. */
export async function runNode(options: RunNodeOptions): Promise<KafkaBroker> {
  const { address, directory, start, onUnexpectedExit } = options
  let expected = false
  let current: BrokerProcess | undefined
  let starting: { readonly control: AbortController; readonly done: Promise<BrokerProcess> } | undefined
  /** Counts what was asked for; what was asked for last holds. */
  let turn = 0
  const overtaken = () =>
    new PelletlineError('cancelled', `The broker at ${address} was told otherwise while it started.`)

  const begin = async (own: number) => {
    if (own !== turn) throw overtaken()
    expected = false
    const control = new AbortController()
    const attempt = { control, done: start(control.signal) }
    starting = attempt
    try {
      const begun = await attempt.done
      current = begun
      void begun.exited.then(() => {
        if (!expected && current === begun) onUnexpectedExit?.(address, begun.lastWords)
      })
    } finally {
      if (starting === attempt) starting = undefined
    }
  }
  /** Ends a start that is under way; afterwards what it has begun, if it was done before, is the current process. */
  const endStart = async () => {
    const attempt = starting
    attempt?.control.abort(overtaken())
    await attempt?.done.catch(() => {})
  }
  const end = async () => {
    expected = true
    await endStart()
    await current?.stop(stopTimeoutMs)
  }

  await begin(turn)
  return {
    address,
    directory,
    get pid() {
      return (current as BrokerProcess).pid
    },
    async kill(signal) {
      if (signal !== 'SIGKILL' && signal !== 'SIGTERM') return current?.signal(signal)
      turn += 1
      expected = true
      current?.signal(signal)
      await endStart()
      current?.signal(signal)
      await current?.exited
    },
    async restart() {
      turn += 1
      const own = turn
      await end()
      await begin(own)
    },
    async stop() {
      turn += 1
      await end()
    },
  }
}
