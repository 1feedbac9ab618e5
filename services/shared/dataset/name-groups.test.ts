import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { classNames, type Split, splitNames } from './crop-dataset.ts'
import { type ImageFile, listImageFiles } from './list-image-files.ts'
import { nameGroups } from './name-groups.ts'
import { refuseSharedGroups } from './refuse-shared-groups.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

/** A folder with these tables. */
async function folderWith(tables: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-groups-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(tables)) await writeFile(join(folder, name), text)
  return folder
}

/** Images by their places: `train/OK/a.png`, `NG/lot-7/b.png`. */
function images(...places: string[]): ImageFile[] {
  return places.map((place) => {
    const parts = place.split('/')
    const split = splitNames.find((name) => name === parts[0])
    const at = split === undefined ? 0 : 1
    const label = classNames.indexOf(parts[at] as 'OK' | 'NG')
    const subFolder = parts.length > at + 2 ? parts[at + 1] : undefined
    return { path: join('/data', place), place, name: parts.at(-1)!, label, subFolder, split }
  })
}

/** Names of the groups by image. */
async function namesOf(folder: string, files: readonly ImageFile[], options: Parameters<typeof nameGroups>[2] = {}) {
  const { names, indices } = await nameGroups(folder, files, options)
  return Array.from(indices, (index) => names[index])
}

const refused = (message: RegExp) => ({ code: 'invalid_argument', message })

describe('groups of images', () => {
  test('come from the first capture of the pattern, or from all it matches', async () => {
    const folder = await folderWith({})
    const files = images('OK/p1-a.png', 'NG/p1-b.png', 'NG/p2-a.png', 'NG/x.png')
    assert.deepEqual(await namesOf(folder, files, { group: /^(p\d)-/g }), ['p1', 'p1', 'p2', undefined])
    assert.deepEqual(await namesOf(folder, files, { group: /p\d/y }), ['p1', 'p1', 'p2', undefined])
    const { ungrouped, by } = await nameGroups(folder, files, { group: /p\d/ })
    assert.deepEqual([ungrouped, by], [['/data/NG/x.png'], 'pattern /p\\d/ on the file name'])
    await assert.rejects(
      nameGroups(folder, files, { group: /p\d/, strict: true }),
      refused(/1 of 4 images have no group by pattern .*\(the first: \/data\/NG\/x\.png\)/),
    )
    await assert.rejects(nameGroups(folder, files, { group: /^q/ }), refused(/\/\^q\/ names a group in none of the 4/))
  })

  test('come from a column "group" without being asked, and from another when asked', async () => {
    const table = 'no,image,Group,patient\n1,a.png,g1,p1\n2,b.png,g1,p2\n3,c.png,,p2\n'
    const folder = await folderWith({ 'groups.csv': table, 'notes.csv': 'x,y\n"1,2\n' })
    const files = images('OK/a.png', 'NG/b.png', 'NG/c.png')
    assert.deepEqual(await namesOf(folder, files), ['g1', 'g1', undefined])
    assert.deepEqual(await namesOf(folder, files, { groupColumn: 'patient' }), ['p1', 'p2', 'p2'])
    assert.equal((await nameGroups(folder, files, {})).by, 'column "group" of groups.csv')
    assert.deepEqual((await nameGroups(folder, files, {})).ungrouped, ['/data/NG/c.png'])
    await assert.rejects(
      nameGroups(folder, files, { groupColumn: 'lot' }),
      refused(/no table has a column "lot" \(groups\.csv has no, image, Group, patient; notes\.csv has x, y\)/),
    )
    await assert.rejects(
      nameGroups(await folderWith({}), files, { groupColumn: 'lot' }),
      refused(/holds no table \(.csv or .tsv\) with a column "lot"/),
    )
    await assert.rejects(nameGroups(folder, files, { groupColumn: 'lot', group: /x/ }), refused(/give one of them/))
  })

  test('are found by path, by a longer path, by Windows path and without extension', async () => {
    const folder = await folderWith({
      'a.tsv': 'path\tlot\nOK/1.png\tl1\n/elsewhere/set/NG/1.png\tl2\n.\\NG\\2.png\tl3\n3\tl4\n',
    })
    const files = images('OK/1.png', 'NG/1.png', 'NG/2.png', 'NG/3.png', 'NG/33.png')
    assert.deepEqual(await namesOf(folder, files, { groupColumn: 'lot' }), ['l1', 'l2', 'l3', 'l4', undefined])
  })

  test('of images of one name are told apart by the columns split and label, else refused', async () => {
    const rows = 'train\tOK\t1.png\tp1\ntrain\tNG\t1.png\tp2\ntest\tNG\t1.png\tp3\n'
    const files = images('train/OK/1.png', 'train/NG/1.png', 'test/NG/1.png')
    const told = await folderWith({ 'manifest.tsv': `split\tlabel\tfile\tpatient\n${rows}` })
    assert.deepEqual(await namesOf(told, files, { groupColumn: 'patient' }), ['p1', 'p2', 'p3'])
    const mixed = await folderWith({ 'manifest.tsv': `a\tb\tfile\tpatient\n${rows}` })
    await assert.rejects(
      nameGroups(mixed, files, { groupColumn: 'patient' }),
      refused(/train\/OK\/1\.png is of patient p1 by line 2 of manifest\.tsv and of p2 by line 3/),
    )
  })

  test('come from several tables with the column together', async () => {
    const folder = await folderWith({ 'a.csv': 'file,group\na.png,g1', 'b.csv': 'file;group\nb.png;g2' })
    assert.deepEqual(await namesOf(folder, images('OK/a.png', 'NG/b.png')), ['g1', 'g2'])
  })

  test('are refused where the table names none of the images', async () => {
    const folder = await folderWith({ 'a.csv': 'file,group\nz.png,g1' })
    await assert.rejects(nameGroups(folder, images('OK/a.png'), {}), refused(/no row of a\.csv names an image/))
  })

  test('come from the sub-folders of the classes where nothing else names them', async () => {
    const files = images('OK/lot-7/a.png', 'NG/lot-7/a.png', 'NG/lot-8/deep/b.png', 'NG/c.png')
    assert.deepEqual(await namesOf(await folderWith({}), files), ['lot-7', 'lot-7', 'lot-8', undefined])
    const table = await folderWith({ 'a.csv': 'file,group\nc.png,g1' })
    assert.deepEqual(await namesOf(table, files), [undefined, undefined, undefined, 'g1'])
  })

  test('in two parts of a given split are refused by name and count', async () => {
    const folder = await folderWith({})
    const files = images(
      'train/OK/p1-a.png',
      'val/OK/p2-a.png',
      'test/NG/p1-b.png',
      'test/NG/p2-b.png',
      'test/NG/p3.png',
    )
    const groups = await nameGroups(folder, files, { group: /p\d/ })
    assert.throws(
      () => refuseSharedGroups(folder, files, groups),
      refused(
        /group p1 is in train and in test, as are 1 more groups, \(train\/OK\/p1-a\.png and test\/NG\/p1-b\.png\)/,
      ),
    )
    refuseSharedGroups(folder, files, await nameGroups(folder, files, { group: /p\d-./ }))
  })
})

const data = process.env['PELLETLINE_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url))
const spots = join(data, 'spots50')

// The images are not part of the project; whoever has them checks them too.
if (existsSync(spots))
  describe('groups of the spots50 images', () => {
    const split = async (folder: string) => {
      const files = (await listImageFiles(spots)).flatMap((part) => part.files)
      const groups = await nameGroups(folder, files, { groupColumn: 'patient', strict: true })
      refuseSharedGroups(folder, files, groups)
      return { files, groups }
    }

    test('are its 147 patients, none of them in two parts', async () => {
      const { files, groups } = await split(spots)
      assert.deepEqual([files.length, groups.names.length, groups.ungrouped.length], [6000, 147, 0])
      const train = new Set(groups.indices.filter((_, i) => files[i]!.split === ('train' satisfies Split)))
      assert.ok(train.size > 50 && train.size < 147)
    })

    test('are refused by name where one row was changed', async () => {
      const manifest = await readFile(join(spots, 'manifest.tsv'), 'utf8')
      const [patient] = /^test\tNG\t[^\t]+\t([^\t]+)/m.exec(manifest)!.slice(1)
      const doctored = manifest.replace(/^(train\tOK\t[^\t]+\t)[^\t]+/m, `$1${patient}`)
      await assert.rejects(
        split(await folderWith({ 'manifest.tsv': doctored })),
        refused(new RegExp(`group ${patient} is in train and in test \\(train/OK/`)),
      )
    })
  })
