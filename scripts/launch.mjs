// `npm start`: set up what is missing, then hand over to the command line on Node 24.
import { join } from 'node:path'
import process from 'node:process'
import { runNode } from './run-node.mjs'
import { root, setup } from './setup.mjs'

const node = setup()
process.exitCode = await runNode(node, [join(root, 'services/cli/main.ts'), ...process.argv.slice(2)])
