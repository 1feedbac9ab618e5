/** How metrics are written: Prometheus' own text, or OpenMetrics, which alone has room for exemplars. */
export type MetricFormat = 'prometheus' | 'openmetrics'

/** Media types of the formats. */
export const contentTypes: Readonly<Record<MetricFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/**
 * Chooses by a request's Accept (RFC 9110, section 12.5.1): OpenMetrics where it is named, of version 1.0.0 or none, and
 * wanted no less than text; else Prometheus' text, which every scraper reads.
 */
export function chooseMetricFormat(accept: string | undefined): MetricFormat {
  let open = 0
  let plain = 0
  for (const range of (accept ?? '').toLowerCase().split(',')) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim())
    const parameter = (name: string) => rest.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1)
    const quality = Number(parameter('q') ?? 1)
    if (type === 'application/openmetrics-text') {
      if ((parameter('version') ?? '1.0.0') === '1.0.0') open = Math.max(open, quality)
    } else if (type === 'text/plain' || type === 'text/*' || type === '*/*') plain = Math.max(plain, quality)
  }
  return open > 0 && open >= plain ? 'openmetrics' : 'prometheus'
}
