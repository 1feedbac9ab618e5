import { GenericError, MultipleErrors } from '@platformatic/kafka'

/** Names of the protocol's errors within what the library threw, outermost first. */
export function protocolErrorsOf(thrown: unknown): string[] {
  const names: string[] = []
  const visit = (error: unknown, depth: number) => {
    if (!(error instanceof Error) || depth > 8) return
    if (GenericError.isGenericError(error)) {
      if (typeof error['apiId'] === 'string') names.push(error['apiId'])
      // The library's own error for a topic that the metadata does not have.
      if (error.code === 'PLT_KFK_USER' && error.message.startsWith('Unknown topic'))
        names.push('UNKNOWN_TOPIC_OR_PARTITION')
      if (error.code === 'PLT_KFK_AUTHENTICATION') names.push('SASL_AUTHENTICATION_FAILED')
    }
    if (
      error instanceof AggregateError ||
      (GenericError.isGenericError(error) && MultipleErrors.isMultipleErrors(error))
    )
      for (const inner of (error as AggregateError).errors) visit(inner, depth + 1)
    visit(error.cause, depth + 1)
  }
  visit(thrown, 0)
  return names
}
