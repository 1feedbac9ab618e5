import { openDatabase } from '../open-database.ts'

// Run by open-database.test.ts as a process of its own; ends by SIGKILL.
const store = await openDatabase({ kind: 'pglite', directory: process.argv[2] ?? '' })
for (let count = 1; ; count += 1) {
  await store.db
    .insertInto('models')
    .values({ manifest_id: `model-${count}`, sha256: '' })
    .execute()
  process.send?.(count)
}
