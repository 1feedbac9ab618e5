import { installGoTool } from './install-go-tool.ts'

/** Path of gofakes3, an S3 server that keeps its buckets in memory; it checks no signatures. */
export function installGofakes3(): Promise<string> {
  return installGoTool({
    name: 'gofakes3',
    package: 'github.com/johannesboyne/gofakes3/cmd/gofakes3',
    version: 'v1.2.0',
    module: {
      path: 'github.com/johannesboyne/gofakes3',
      sum: 'h1:I9VEzPWvvAUAGzDlhYFoZjF0AXMlkcEyZlmBwiI6Oms=',
    },
    takes: 'about a minute',
  })
}
