import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseMetricFormat } from './choose-metric-format.ts'

describe('chooseMetricFormat', () => {
  const cases: readonly (readonly [string | undefined, 'prometheus' | 'openmetrics', string])[] = [
    [undefined, 'prometheus', 'nothing is asked for'],
    ['*/*', 'prometheus', 'anything will do'],
    ['text/html,application/xhtml+xml,*/*;q=0.8', 'prometheus', 'a browser asks'],
    ['application/openmetrics-text', 'openmetrics', 'it is named alone'],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,' +
        'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'openmetrics',
      'Prometheus 3 asks as it does by itself',
    ],
    [
      'text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.4',
      'prometheus',
      'text is wanted more',
    ],
    ['application/openmetrics-text; version=0.0.1, text/plain; q=0.5', 'prometheus', 'only another version is taken'],
    ['application/openmetrics-text;q=0, */*', 'prometheus', 'it is refused'],
    ['Application/OpenMetrics-Text; Version=1.0.0; Q=0.9, */*;q=0.1', 'openmetrics', 'it is written in capitals'],
    ['application/openmetrics-text;q=nothing', 'prometheus', 'the quality is no number'],
  ]
  for (const [accept, format, when] of cases) {
    it(`gives ${format} where ${when}`, () => assert.equal(chooseMetricFormat(accept), format))
  }
})
