import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readTelemetry } from './read-telemetry.ts'

describe('readTelemetry', () => {
  it('is off unless asked for', () => {
    const { otlpEndpoint, prometheusListen } = readTelemetry({})
    assert.deepEqual([otlpEndpoint, prometheusListen], [undefined, undefined])
  })

  it('takes a collector and an address for metrics', () => {
    const config = readTelemetry({ otlpEndpoint: 'http://collector:4318', prometheus: ':9464' })
    assert.deepEqual([config.otlpEndpoint, config.prometheusListen], ['http://collector:4318', ':9464'])
  })

  it('refuses what is no address to listen on, naming the option', () => {
    assert.throws(() => readTelemetry({ prometheus: 'foo' }), {
      code: 'invalid_argument',
      message: /^--prometheus: "foo" is no address to listen on/,
    })
  })

  it('refuses what is no address of a collector, naming the option', () => {
    for (const otlpEndpoint of ['collector:4318', 'ftp://collector', '']) {
      assert.throws(() => readTelemetry({ otlpEndpoint }), {
        code: 'invalid_argument',
        message:
          /--otlp-endpoint[\s\S]*correct the options[\s\S]*otlpEndpoint: found [\s\S]*valid is: http:\/\/HOST:PORT/,
      })
    }
  })
})
