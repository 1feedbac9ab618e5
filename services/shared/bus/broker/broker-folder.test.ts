import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { it } from 'node:test'
import { createKafkaId, formatArguments, writeNodeFolder } from './broker-folder.ts'

/** A shell script in the place of Java: it notes its command line and what it finds in the file that is named there. */
const program = `#!/bin/sh
folder=$(dirname "$0")
echo "$@" > "$folder/command-line"
file=$(echo "$1" | cut -c2-)
cp "$file" "$folder/found"
stat -c %a "$file" > "$folder/mode"
`

it('passwords of users reach the formatting of a data folder by a file of their owner, not by the command line', async () => {
  const programs = await mkdtemp(join(tmpdir(), 'pelletline-java-'))
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-node-'))
  const path = process.env['PATH']
  try {
    await writeFile(join(programs, 'java'), program)
    await chmod(join(programs, 'java'), 0o755)
    process.env['PATH'] = [programs, path].join(delimiter)
    const ports = { port: 1, controllerPort: 2, internalPort: 3 }
    const node = { folder, nodeId: 1, ports, directoryId: createKafkaId() }
    await writeNodeFolder({
      node,
      nodes: [node],
      clusterId: createKafkaId(),
      jars: { classPath: 'a.jar:b.jar', classArchive: join(folder, 'none.jsa') },
      security: { users: [{ name: 'plant', password: 'very-secret' }] },
    })
    const read = (name: string) => readFile(join(programs, name), 'utf8')
    assert.equal(await read('command-line'), `@${join(folder, 'format.args')}\n`)
    assert.match(await read('found'), /^"SCRAM-SHA-512=\[name=plant,password=very-secret\]"$/m)
    assert.equal(await read('mode'), '600\n')
    assert.deepEqual((await readdir(folder)).includes('format.args'), false)
  } finally {
    process.env['PATH'] = path
    for (const each of [programs, folder]) await rm(each, { recursive: true })
  }
})

it('arguments with quotes, backslashes and blanks are one argument each', () => {
  assert.equal(formatArguments(['a b', 'c"d', 'e\\f']), '"a b"\n"c\\"d"\n"e\\\\f"\n')
})
