import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { listImages, nameOutputs } from './list-images.ts'

/** Runs as the user nobody where the tests run as root, whom no permission stops. */
async function withoutPrivilege<T>(run: () => Promise<T>): Promise<T> {
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65_534)
  try {
    return await run()
  } finally {
    if (root) process.seteuid?.(0)
  }
}

describe('listImages', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pelletline-list-'))
    await mkdir(join(folder, 'sub'))
    await mkdir(join(folder, '.hidden'))
    await mkdir(join(folder, 'empty'))
    const files = [
      'scan10.png',
      'scan2.PNG',
      'notes.txt',
      'sub/a.tiff',
      '.hidden/b.png',
      'scan2.annotated.png',
      'scan2.worst.png',
    ]
    for (const file of files) await writeFile(join(folder, file), 'x')
  })
  after(() => rm(folder, { recursive: true }))

  it('walks a folder in natural order and passes over what is not an image, hidden, or its own picture', async () => {
    const { files, errors, passedOver } = await listImages([folder])
    assert.deepEqual(
      files.map(({ name }) => name),
      ['scan2.PNG', 'scan10.png', join('sub', 'a.tiff')],
    )
    assert.deepEqual(errors, [])
    assert.deepEqual(passedOver, { others: 1, own: 2 })
  })

  it('takes the crops of inspect unless it is asked to pass them over', async () => {
    const crop = join(folder, 'sub', 'scan2.7.crop.png')
    await writeFile(crop, 'x')
    const [taken, passedOver] = [await listImages([folder]), await listImages([folder], { passOverCrops: true })]
    await rm(crop)
    assert.deepEqual(
      [taken, passedOver].map(({ files, passedOver: over }) => [files.some(({ path }) => path === crop), over]),
      [
        [true, { others: 1, own: 2 }],
        [false, { others: 1, own: 3 }],
      ],
    )
  })

  it('says of a folder of crops that it holds crops, and no other image', async () => {
    const crops = join(folder, 'crops')
    await mkdir(crops)
    await writeFile(join(crops, 'scan2.7.crop.png'), 'x')
    const { errors } = await listImages([crops], { passOverCrops: true })
    await rm(crops, { recursive: true })
    assert.match(
      errors[0]!.message,
      /crops: the folder holds no image but crops and pictures that pelletline wrote; give/,
    )
  })

  it('names a folder that cannot be read and goes on', async () => {
    const locked = join(folder, 'locked')
    await chmod(folder, 0o755)
    await mkdir(locked, { mode: 0o000 })
    const { files, errors } = await withoutPrivilege(() => listImages([folder]))
    await rmdir(locked)
    assert.equal(files.length, 3)
    assert.deepEqual(
      errors.map(({ code, message }) => [code, message.includes('locked: the folder cannot be read')]),
      [['invalid_argument', true]],
    )
  })

  it('takes a named file whatever its ending, once, and goes on behind a path that is not there', async () => {
    const notes = join(folder, 'notes.txt')
    const { files, errors } = await listImages([join(folder, 'gone.png'), notes, notes, join(folder, 'empty')])
    assert.deepEqual(files, [{ path: notes, name: 'notes.txt' }])
    assert.deepEqual(
      errors.map(({ code }) => code),
      ['not_found', 'not_found'],
    )
    assert.match(errors[0]!.message, /gone\.png: there is no such file or folder/)
    assert.match(errors[1]!.message, /empty: the folder holds no image/)
  })
})

describe('nameOutputs', () => {
  it('gives every image a name of its own', () => {
    const images = ['a/x.png', 'b/x.jpg', 'a/X-2.png', 'c/y.png'].map((path) => ({ path, name: path }))
    assert.deepEqual(nameOutputs(images), ['x', 'x-2', 'X-2-2', 'y'])
  })
})
