/** Names of the protocol's errors within what the library threw, outermost first. */
export function protocolErrorsOf(thrown: unknown): string[] {
  const names: string[] = []
  const visit = (error: unknown, depth: number) => {
    if (!(error instanceof Error) || depth > 8) return
    const { type } = error as { type?: unknown }
    if (typeof type === 'string') names.push(type)
    if (error.name === 'KafkaJSSASLAuthenticationError') names.push('SASL_AUTHENTICATION_FAILED')
    const { errors } = error as { errors?: unknown }
    if (Array.isArray(errors)) for (const inner of errors) visit(inner, depth + 1)
    visit(error.cause, depth + 1)
  }
  visit(thrown, 0)
  return names
}
