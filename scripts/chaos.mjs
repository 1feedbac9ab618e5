// `npm run test:chaos`: sets up what is missing, then runs test/chaos/main.ts on the pinned Node.
import { join } from 'node:path'
import process from 'node:process'
import { runNode } from './run-node.mjs'
import { root, setup } from './setup.mjs'

process.exitCode = await runNode(setup(), [join(root, 'test/chaos/main.ts'), ...process.argv.slice(2)])
