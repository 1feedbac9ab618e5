import assert from 'node:assert/strict'
import process from 'node:process'
import { describe, it } from 'node:test'
import { installGoTool } from './install-go-tool.ts'

describe('installGoTool', () => {
  it('says what is missing, and what wants it, where there is no Go', async () => {
    const path = process.env['PATH']
    process.env['PATH'] = '/nowhere'
    try {
      const tool = { name: 'no-such-tool', package: 'example.com/no-such-tool', version: 'v1.2.3', takes: 'a moment' }
      await assert.rejects(installGoTool(tool), {
        code: 'failed_precondition',
        message: /^no-such-tool v1\.2\.3 is built by Go, and there is no `go` on the PATH\. Install Go 1\.26 or newer/,
      })
    } finally {
      process.env['PATH'] = path
    }
  })
})
