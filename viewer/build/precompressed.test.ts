import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { compressFolder } from './precompressed';

it('puts a gzip beside every text file worth it, and beside nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'assets-'));
  const script = 'export const words = "…";\n'.repeat(40);
  await writeFile(join(folder, 'a.js'), script);
  await writeFile(join(folder, 'tiny.css'), 'a{}');
  await writeFile(join(folder, 'font.woff2'), Buffer.alloc(1000));

  const written = await compressFolder(folder);

  expect(written).toEqual([join(folder, 'a.js.gz')]);
  expect(gunzipSync(await readFile(written[0]!)).toString()).toBe(script);
  await rm(folder, { recursive: true });
});
