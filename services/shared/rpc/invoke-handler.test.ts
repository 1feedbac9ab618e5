import assert from 'node:assert/strict'
import test from 'node:test'
import { create } from '@bufbuild/protobuf'
import { GetLotRequestSchema, LotService } from '../../gen/pelletline/mes/v1/mes_pb.ts'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { implement } from './implement.ts'
import { createInvokeUnary, type Interceptor } from './invoke-handler.ts'
import type { ServiceHandlers, ServiceImplementation } from './types.ts'

const context = { signal: new AbortController().signal, metadata: {}, peer: 'test' }

function setUp(interceptors: (said: string[]) => readonly Interceptor[]) {
  const said: string[] = []
  const handlers = {
    async getLot({ lot }: { lot: string }) {
      said.push('handler')
      if (lot === 'none') throw new PelletlineError('not_found', 'No such lot.')
      return { lot: { id: lot } }
    },
  } as unknown as ServiceHandlers<typeof LotService>
  const implementation = implement(LotService, handlers) as unknown as ServiceImplementation
  const invoke = createInvokeUnary(implementation, interceptors(said))
  const getLot = (lot: string) =>
    invoke({ method: LotService.method.getLot, request: create(GetLotRequestSchema, { lot }), context })
  return { said, getLot }
}

const general = (said: string[]): Interceptor =>
  async function* (call, next) {
    said.push('general before')
    try {
      yield* next(call)
    } finally {
      said.push('general after')
    }
  }

const both = (said: string[]): Interceptor =>
  Object.assign(general(said), {
    unary: async (
      call: Parameters<NonNullable<Interceptor['unary']>>[0],
      next: (of: typeof call) => Promise<never>,
    ) => {
      said.push('single before')
      try {
        return await next(call)
      } finally {
        said.push('single after')
      }
    },
  }) as Interceptor

test('createInvokeUnary puts interceptors around a single call in their order, each in its form for such calls or else its general one', async () => {
  const { said, getLot } = setUp((into) => [both(into), general(into)])
  const { lot } = (await getLot('lot-1')) as unknown as { lot: { id: string } }
  assert.equal(lot.id, 'lot-1')
  const around = ['single before', 'general before', 'handler', 'general after', 'single after']
  assert.deepEqual(said, around)
  await assert.rejects(getLot('none'), { code: 'not_found' })
  assert.deepEqual(said, [...around, ...around])
})

test('createInvokeUnary checks the request before the handler sees it, and names a method that is not offered', async () => {
  const { said, getLot } = setUp(() => [])
  await assert.rejects(getLot(''), { code: 'invalid_argument', message: /GetLotRequest is not valid: lot:/ })
  assert.deepEqual(said, [])
  const invoke = createInvokeUnary(implement(LotService, {} as never) as unknown as ServiceImplementation)
  const request = create(GetLotRequestSchema, { lot: 'lot-1' })
  await assert.rejects(invoke({ method: LotService.method.getLot, request, context }), { code: 'unimplemented' })
})

test('createInvokeUnary takes an interceptor that gives no answer for a failure', async () => {
  const { getLot } = setUp(() => [async function* () {}])
  await assert.rejects(getLot('lot-1'), { code: 'internal', message: /GetLot ended without a response/ })
})

test('createInvokeUnary reads a request within the interceptors of either form, so that they see one that cannot be read', async () => {
  for (const form of [both, general]) {
    const said: string[] = []
    const implementation = implement(LotService, {} as never) as unknown as ServiceImplementation
    Object.assign(implementation.handlers, { getLot: async () => assert.fail('the handler was reached') })
    const call = {
      method: LotService.method.getLot,
      context,
      get request(): never {
        said.push('read')
        throw new PelletlineError('invalid_argument', 'No message.')
      },
    }
    const refused = createInvokeUnary(implementation, [form(said)])(call)
    await assert.rejects(refused, { code: 'invalid_argument', message: 'No message.' })
    const name = form === both ? 'single' : 'general'
    assert.deepEqual(said, [`${name} before`, 'read', `${name} after`])
  }
})
