#!/usr/bin/env node
// `npx pelletline …`: runs in place on Node 24, or hands over to the pinned one.
import { join } from 'node:path'
import process from 'node:process'
import { runNode } from '../scripts/run-node.mjs'
import { root, setup } from '../scripts/setup.mjs'

const main = join(root, 'services/cli/main.ts')
const node = setup()
if (Number(process.versions.node.split('.')[0]) >= 24) {
  process.argv[1] = main
  await import(main)
} else {
  process.exitCode = await runNode(node, [main, ...process.argv.slice(2)])
}
