import { metrics } from '../../../shared/telemetry/names.ts'
import type { Telemetry } from '../../../shared/telemetry/telemetry.ts'
import { findTemplate } from './find-route.ts'

/** The part of a request that is measured. */
export interface MeasuredRequest {
  readonly method?: string | undefined
  readonly url?: string | undefined
}

const methods: ReadonlySet<string | undefined> = new Set(['GET', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])

/**
 * Measures requests of the REST half from their head to their answer, as OpenTelemetry's `http.server.request.duration`.
 * Call the result with a request as it comes, and what that returns with the status of its answer. What is no path of the
 * protocol has the route `none`, and a rare method is `_OTHER`.
 */
export function createRequestMeter(telemetry: Telemetry): (request: MeasuredRequest) => (status: number) => void {
  const seconds = telemetry.histogram(metrics.httpServerSeconds)
  return ({ method, url = '' }) => {
    const began = performance.now()
    return (status) =>
      seconds.record((performance.now() - began) / 1000, {
        http_request_method: methods.has(method) ? method! : '_OTHER',
        http_route: findTemplate(url) ?? 'none',
        http_response_status_code: status,
      })
  }
}
