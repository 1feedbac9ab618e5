let silenced = false

/**
 * kafkajs 2.2.4 hands negative times to setTimeout (network/requestQueue), which Node reports on standard error. That one
 * warning is dropped where it comes from kafkajs; all others pass.
 */
export function silenceNegativeTimeouts(): void {
  if (silenced) return
  silenced = true
  const emitWarning = process.emitWarning.bind(process) as (...warning: unknown[]) => void
  process.emitWarning = (...warning: unknown[]) => {
    const fromKafkajs = new Error().stack?.includes('/kafkajs/') === true
    if (fromKafkajs && warning[1] === 'TimeoutNegativeWarning') return
    emitWarning(...warning)
  }
}
