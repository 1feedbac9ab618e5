import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { test } from 'node:test'

/** Whole collections of a process through which 200 messages of 8 MB pass, four of them alive at a time. */
function countCollections(prepare: string): number {
  const program = `
    import { PerformanceObserver, constants } from 'node:perf_hooks'
    ${prepare}
    let major = 0
    const count = (entries) => { for (const { detail } of entries) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major++ }
    const observer = new PerformanceObserver((list) => count(list.getEntries()))
    observer.observe({ entryTypes: ['gc'] })
    const alive = []
    for (let i = 0; i < 200; i++) {
      alive[i % 4] = Buffer.concat([Buffer.allocUnsafe(4e6), Buffer.allocUnsafe(4e6)])
      await new Promise((resolve) => setImmediate(resolve))
    }
    count(observer.takeRecords())
    console.log(JSON.stringify({ major, rss: process.memoryUsage.rss() }))`
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  assert.equal(child.status, 0, child.stderr)
  // A flag that this Node does not know would be named here.
  assert.equal(child.stderr, '')
  const { major, rss } = JSON.parse(child.stdout) as { major: number; rss: number }
  assert.ok(rss < 1e9, `${rss} bytes resident`)
  return major
}

test('buffers that pass through do not have the whole heap collected again and again, and memory stays bounded', () => {
  const url = JSON.stringify(join(import.meta.dirname, 'account-buffers.ts'))
  const by = countCollections('')
  const accounted = countCollections(`const { accountBuffers } = await import(${url}); accountBuffers()`)
  assert.ok(accounted < 0.6 * by, `${accounted} collections, ${by} without`)
})
