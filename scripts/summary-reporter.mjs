// Test reporter beside `dot`: the failures in full and the counts, for logs.

/** Prints each failure with its place and error, then one closing line. */
export default async function* summarize(source) {
  let passed = 0
  let failed = 0
  let skipped = 0
  for await (const event of source) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    if (event.data.details?.type === 'suite') continue
    if (event.data.skip !== undefined || event.data.todo !== undefined) skipped++
    else if (event.type === 'test:pass') passed++
    else {
      failed++
      const cause = event.data.details?.error?.cause ?? event.data.details?.error
      yield `\nnot ok: ${event.data.name}\n  ${event.data.file}:${event.data.line}\n  ${cause?.stack ?? cause}\n`
    }
  }
  yield `\n${passed} passed, ${failed} failed, ${skipped} skipped\n`
}
