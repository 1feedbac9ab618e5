import assert from 'node:assert/strict'
import test from 'node:test'
import { parseObject, readParameters } from './json-fields.ts'
import { failureReply } from './rest-reply.ts'

test('failureReply sends no half of a character, be it cut from a name or sent as one', () => {
  const names = [`a${'😀'.repeat(40)}`, 'half \\ud83d']
  for (const name of names) {
    const { parameters } = parseObject(Buffer.from(`{"parameters":{"${name}":[]}}`))
    let reply: ReturnType<typeof failureReply> | undefined
    try {
      readParameters('parameters', parameters)
    } catch (reason) {
      reply = failureReply(reason)
    }
    assert.equal(reply?.status, 400)
    const { error } = JSON.parse(Buffer.concat(reply.body).toString()) as { error: string }
    assert.match(error, /^parameters\.(a😀+|half )\uFFFD: it is no text, number or truth value/u)
  }
})
