// `npm run bench -- NAME`: runs bench/NAME.ts on the pinned Node; without a name it lists what there is.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { runNode } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const node = setup()
const [name, ...rest] = process.argv.slice(2)
const known = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
  .map((file) => file.slice(0, -3))
if (name === undefined || !existsSync(join(root, 'bench', `${name}.ts`))) {
  process.stderr.write(`usage: npm run bench -- NAME; NAME is one of: ${known.join(', ')}\n`)
  process.exitCode = 2
} else {
  process.exitCode = await runNode(node, [join(root, 'bench', `${name}.ts`), ...rest])
}
