// What it costs to book strip parts: the same transactions on a PostgreSQL server and on the embedded database, in turns.

import { openDatabase, type Store, sql } from '../services/shared/store/index.ts'
import { startPostgres } from '../services/shared/store/server/start-postgres.ts'
import { silentLogger } from '../services/shared/telemetry/logger.ts'
import { readBenchOptions, runBench } from './support/bench-options.ts'
import { type BenchBooks, createBenchBooks } from './support/create-bench-books.ts'
import { ratioOf, spreadOf } from './support/measure.ts'
import { printReport } from './support/print-report.ts'

await runBench(async () => {
  const { json, numbers } = readBenchOptions({ rounds: 5, transactions: 20, parts: 32, pellets: 384 })
  const { rounds, transactions, parts, pellets } = numbers
  const server = await startPostgres({ logger: silentLogger })
  const { address, database, user, passwordFile } = server
  const stores: Readonly<Record<string, Store>> = {
    PGlite: await openDatabase({ kind: 'pglite' }),
    PostgreSQL: await openDatabase({
      kind: 'postgres',
      address,
      database,
      user,
      passwordFile,
      connections: 4,
      migrate: true,
    }),
  }
  try {
    const books: Record<string, BenchBooks> = {}
    for (const [name, store] of Object.entries(stores)) books[name] = await createBenchBooks(store, { parts, pellets })
    const rates: Record<string, number[]> = { PGlite: [], PostgreSQL: [] }
    // The first round warms both up.
    for (let round = 0; round <= rounds; round += 1) {
      for (const name of Object.keys(stores)) {
        const batches = Array.from({ length: transactions }, () => books[name]?.prepare() ?? [])
        const began = performance.now()
        for (const batch of batches) await books[name]?.book(batch)
        const seconds = (performance.now() - began) / 1000
        if (round > 0) rates[name]?.push((transactions * parts) / seconds)
      }
    }
    const { rows } = await sql<{ bytes: bigint }>`select
      sum(pg_total_relation_size(c.oid))::int8 / (select count(*) from strip_parts) as bytes
      from pg_class c where relname in ('strip_parts', 'pellets')`.execute(stores['PostgreSQL']!.db)
    printReport(
      {
        bench: 'database',
        about: `Transactions of ${parts} strip parts with ${pellets} pellets each, 2 of them NG with their pixels; the server flushes every commit to its disk, the embedded database does not.`,
        rounds,
        figures: Object.entries(rates).flatMap(([name, values]) => [
          { what: `strip parts booked, ${name}`, unit: '1/s', spread: spreadOf(values) },
          { what: `pellets booked, ${name}`, unit: '1/s', spread: spreadOf(values.map((rate) => rate * pellets)) },
        ]),
        ratios: [
          {
            what: 'PostgreSQL',
            against: 'PGlite',
            spread: ratioOf(rates['PostgreSQL'] ?? [], rates['PGlite'] ?? []),
          },
        ],
        facts: { 'bytes on the disk per strip part, its kept pellets included': Number(rows[0]?.bytes ?? 0n) },
      },
      json,
    )
  } finally {
    for (const store of Object.values(stores)) await store.close()
    await server.stop()
  }
})
