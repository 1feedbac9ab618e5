import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AlertKind } from '../gen/pelletline/events/v1/events_pb.ts'
import { ModelAction, ModelService } from '../gen/pelletline/registry/v1/models_pb.ts'
import { createLocalClient } from '../shared/rpc/local-client.ts'
import type { ServiceImplementation } from '../shared/rpc/types.ts'
import { createAlertBook, formatAlertId } from './alerts/alert-book.ts'
import { createChangeSignal } from './change-signal.ts'
import { type RunningAnalytics, useSharedDatabase } from './test-support/shared-database.ts'

const withAnalytics = useSharedDatabase()

/** A page of names, and the token of the one after it. */
interface Page {
  readonly names: readonly string[]
  readonly nextPageToken: string
}

/** Reads page after page until there is no token; `between` is called before each but the first. */
async function readPages(read: (pageToken: string) => Promise<Page>, between = async () => {}) {
  const pages: (readonly string[])[] = []
  for (let token: string | undefined = ''; token !== undefined; ) {
    if (pages.length > 0) await between()
    const { names, nextPageToken } = await read(token)
    pages.push(names)
    token = nextPageToken === '' ? undefined : nextPageToken
  }
  return pages
}

/** Raises alerts of any line and kind. */
function alertRaiser({ database, bus }: RunningAnalytics) {
  const options = { plant: 'plant-1', db: database.db, bus, nowNs: () => 1n, changes: createChangeSignal() }
  const book = createAlertBook(options)
  const value = { value: 1, lower: 1, upper: 1, confidence: 1 }
  const raise = async (line: string, kind: AlertKind) => {
    const { row } = await book.raise({ kind, line, lot: '', value, limit: 0.5, windowAudited: 0, message: 'Look.' })
    return row.alert_id
  }
  return { book, raise }
}

describe('ListAlerts', () => {
  test('answers every alert once, the newest first, page by page, whatever is raised meanwhile', {
    timeout: 300_000,
  }, async () => {
    await withAnalytics(async (running) => {
      const { book, raise } = alertRaiser(running)
      const [one, two, three, four, five] = [
        await raise('line-1', AlertKind.DIRT),
        await raise('line-2', AlertKind.DIRT),
        await raise('line-1', AlertKind.LIGHT),
        await raise('line-2', AlertKind.LIGHT),
        await raise('line-1', AlertKind.ROWS_LOST),
      ] as const
      await book.resolve(three)
      const reader =
        (request: { line?: string; unresolvedOnly?: boolean; pageSize?: number }) =>
        async (pageToken: string): Promise<Page> => {
          const { alerts, nextPageToken } = await running.alerts.listAlerts({ ...request, pageToken })
          return { names: alerts.map(({ id }) => id), nextPageToken }
        }
      const names = (...pages: readonly bigint[][]) => pages.map((page) => page.map(formatAlertId))
      const all = names([five, four, three, two, one])
      assert.deepEqual(await readPages(reader({})), all)
      assert.deepEqual(await readPages(reader({ pageSize: 5 })), all, 'a full page that is the last has no token')
      const ofLine = { line: 'line-1', unresolvedOnly: true, pageSize: 1 }
      assert.deepEqual(await readPages(reader(ofLine)), names([five], [one]))
      const more = [AlertKind.DIRT, AlertKind.LIGHT]
      const between = async () => void (await raise('line-3', more.pop() ?? AlertKind.ROWS_LOST))
      assert.deepEqual(await readPages(reader({ pageSize: 2 }), between), names([five, four], [three, two], [one]))
      await assert.rejects(running.alerts.listAlerts({ pageToken: 'alert-000003' }), /page_token "alert-000003"/)
    })
  })
})

describe('ListModelChanges', () => {
  test('answers every change once, the newest first, 50 on a page where nothing else is asked for', {
    timeout: 300_000,
  }, async () => {
    await withAnalytics(async ({ analytics, database }) => {
      const isModels = ({ service }: ServiceImplementation) => service.typeName === ModelService.typeName
      const found = analytics.implementations.find(isModels)
      const models = createLocalClient(found as unknown as ServiceImplementation<typeof ModelService>)
      const values = Array.from({ length: 51 }, (_, at) => ({
        generation: BigInt(at + 1),
        at_unix_ns: 1n,
        changed_by: 'A. Miller',
        action: ModelAction.LOAD,
        from_model: '',
        to_model: `model-${at + 1}`,
        detail: '',
        why: '',
      }))
      await database.db.insertInto('model_changes').values(values).execute()
      const newestFirst = values.map(({ to_model }) => to_model).reverse()
      const reader =
        (pageSize: number) =>
        async (pageToken: string): Promise<Page> => {
          const { changes, nextPageToken } = await models.listModelChanges({ pageSize, pageToken })
          return { names: changes.map(({ to }) => to), nextPageToken }
        }
      assert.deepEqual(await readPages(reader(0)), [newestFirst.slice(0, 50), newestFirst.slice(50)])
      assert.deepEqual(await readPages(reader(51)), [newestFirst], 'a full page that is the last has no token')
      const pages = await readPages(reader(20))
      assert.deepEqual([pages.map(({ length }) => length), pages.flat()], [[20, 20, 11], newestFirst])
      await assert.rejects(models.listModelChanges({ pageToken: 'djE6' }), /page_token "djE6"/)
    })
  })
})
