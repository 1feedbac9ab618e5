import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'
import { maxManifestBytes } from '../../model-manifest.ts'
import type { TrustPolicy } from '../../signing/judge-trust.ts'
import { modelDirectory, writeTinyModel } from '../../test-support/tiny-model.ts'
import { loadStoredModel } from '../load-stored-model.ts'
import type { ModelStore } from '../model-store.ts'

/** A store under test, and the way in which somebody puts files there. */
export interface StoreUnderTest {
  /** Another store of the same place, as after a restart. */
  open(): ModelStore
  /** Puts `ID.onnx`, `ID.manifest.json` or `ID.sig` there. */
  put(name: string, bytes: Uint8Array): Promise<void>
  /** Takes everything away. */
  clear(): Promise<void>
  close(): Promise<void>
}

const open: TrustPolicy = { keys: [], released: new Set(), allowUnsigned: true }

/** The contract of the port, for every adapter alike. */
export function describeModelStore(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(`the contract of a model store, ${name}`, () => {
    let directory: Awaited<ReturnType<typeof modelDirectory>>
    let under: StoreUnderTest
    before(async () => {
      directory = await modelDirectory()
      under = await start()
    })
    beforeEach(() => under.clear())
    after(async () => {
      await under.close()
      await directory.remove()
    })

    /** Puts a model with its manifest; returns the bytes of both. */
    async function add(id: string, options: Parameters<typeof writeTinyModel>[1] = {}) {
      await writeTinyModel(directory.path, { id, ...options })
      const [model, manifest] = await Promise.all(
        ['onnx', 'manifest.json'].map((ending) => readFile(join(directory.path, `${id}.${ending}`))),
      )
      await under.put(`${id}.onnx`, model!)
      await under.put(`${id}.manifest.json`, manifest!)
      return { model: model!, manifest: manifest! }
    }

    it('lists the ids of models in order and nothing else', async () => {
      const store = under.open()
      assert.deepEqual(await store.list(), [])
      for (const id of ['b', 'a-2', 'a']) await add(id)
      await under.put('index.json', Buffer.from('{}'))
      await under.put('alone.manifest.json', Buffer.from('{}'))
      assert.deepEqual(await store.list(), ['a', 'a-2', 'b'])
      assert.ok(store.nameOf('a').startsWith(store.place.replace(/\/$/, '')) && store.nameOf('a').endsWith('/a.onnx'))
    })

    it('gives manifest, signature and model as they were put', async () => {
      const { model, manifest } = await add('a')
      const store = under.open()
      assert.deepEqual(await store.describe('a'), { manifest, signature: undefined })
      assert.deepEqual(await store.open('a'), model)
      const loaded = await loadStoredModel(store, 'a', { policy: open })
      assert.deepEqual(Buffer.from(loaded.bytes), model)
      await under.put('a.sig', Buffer.from('signed'))
      assert.deepEqual(await store.describe('a'), { manifest, signature: Buffer.from('signed') })
    })

    it('shows what was changed, as listed once it is listed again', async () => {
      await add('a')
      const store = under.open()
      await store.list()
      const first = await store.describe('a', undefined, true)
      const { manifest } = await add('a', { threshold: 7 })
      await under.put('a.sig', Buffer.from('signed'))
      const now = { manifest, signature: Buffer.from('signed') }
      assert.notDeepEqual(first.manifest, manifest)
      assert.deepEqual(await store.describe('a'), now)
      assert.deepEqual(await store.list(), ['a'])
      assert.deepEqual(await store.describe('a', undefined, true), now)
    })

    it('names the models that there are where one is missing, and no id leads out of it', async () => {
      await add('a')
      await add('b')
      const store = under.open()
      for (const id of ['../a', 'x/../a', '.', '', 'a/b', 'a%2Fb', 'a?b', 'gone']) {
        for (const asListed of [false, true]) {
          await store.list()
          await assert.rejects(store.describe(id, undefined, asListed), { code: 'not_found', message: /has a, b: put/ })
        }
        await assert.rejects(store.open(id), { code: 'not_found', message: /has a, b: put/ })
      }
    })

    it('has no weights for a model of which only the manifest is there, and no description for one without', async () => {
      await add('a')
      await under.put('half.manifest.json', Buffer.from('{}'))
      await under.put('bare.onnx', Buffer.from('x'))
      const store = under.open()
      assert.deepEqual(await store.list(), ['a', 'bare'])
      await assert.rejects(store.open('half'), { code: 'not_found', message: /half\.onnx/ })
      await assert.rejects(store.describe('bare', undefined, true), {
        code: 'not_found',
        message: /bare\.manifest\.json/,
      })
    })

    it('refuses bytes that are not those of the manifest', async () => {
      const { model } = await add('a')
      await under.put('a.onnx', model.subarray(0, model.length >> 1))
      const refusal = { code: 'data_loss', message: /a\.onnx has SHA-256/ }
      await assert.rejects(loadStoredModel(under.open(), 'a', { policy: open }), refusal)
    })

    it('reads no manifest and no signature that is far too large', async () => {
      await add('a')
      for (const name of ['a.sig', 'a.manifest.json']) {
        await under.put(name, Buffer.alloc(maxManifestBytes + 1, ' '))
        const store = under.open()
        await assert.rejects(store.describe('a'), { code: 'failed_precondition', message: /65536/ })
      }
    })

    it('names a few of many models where one is missing', async () => {
      for (let i = 10; i < 22; i += 1) await under.put(`m-${i}.onnx`, Buffer.from('x'))
      const store = under.open()
      await store.list()
      const names = Array.from({ length: 8 }, (_, i) => `m-${10 + i}`).join(', ')
      const message = new RegExp(`has ${names} and 4 more: put`)
      for (const asListed of [false, true]) {
        await assert.rejects(store.describe('m-10', undefined, asListed), { code: 'not_found', message })
      }
    })

    it('gives up a reading that is cancelled', async () => {
      await add('a')
      const store = under.open()
      const cancelled = AbortSignal.abort()
      await assert.rejects(store.open('a', cancelled), { code: 'cancelled' })
      await assert.rejects(store.describe('a', cancelled), { code: 'cancelled' })
    })
  })
}
