/** What is known of the way to a broker. Whether `tls` and `sasl` are there counts, and nothing that they hold is printed. */
export interface BrokerAddress {
  /** `HOST:PORT` of the brokers, as configured. */
  readonly brokers: readonly string[]
  readonly tls?: unknown
  readonly sasl?: unknown
  /** Name of the plant, where it is known. */
  readonly plant?: string | undefined
}

const aboutFile = '(FILE holds what stands under `bus:` in the configuration of a service)'

/**
 * The option by which a command of `pelletline` reaches the broker: `--brokers HOST:PORT`, or `--bus-config FILE` where the broker
 * asks for TLS or a user, which no option names. Ends with what FILE is, so that it is the last of a command and of its sentence.
 */
export function connectOption({ brokers, tls, sasl }: BrokerAddress): string {
  if (tls === undefined && sasl === undefined) return `--brokers ${shellWord(brokers.join(','))}`
  return `--bus-config FILE ${aboutFile}`
}

/** The command that makes the topics of a plant, for the end of a text. */
export function topicsApplyCommand(address: BrokerAddress): string {
  return `npx pelletline topics apply --plant ${shellWord(address.plant ?? 'NAME')} ${connectOption(address)}`
}

/** The command that compares the topics with what is wanted, for the end of a text. */
export function topicsCheckCommand(address: BrokerAddress): string {
  return `npx pelletline topics check ${connectOption(address)}`
}

/** A word as a shell takes it. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
