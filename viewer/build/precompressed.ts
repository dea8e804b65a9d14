/** A Vite plugin: beside every text asset stands its gzip, so that the archive never compresses on the fly. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const TEXT = /\.(js|css|html|svg|json|webmanifest|txt)$/;
/** Below this the header of a gzip stream costs more than it saves. */
const WORTHWHILE_BYTES = 256;

export function precompressed(): Plugin {
  return {
    name: 'precompressed',
    apply: 'build',
    enforce: 'post',
    async writeBundle(options) {
      if (options.dir) await compressFolder(options.dir);
    },
  };
}

export async function compressFolder(folder: string): Promise<string[]> {
  const written: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !TEXT.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const content = await readFile(path);
    if (content.length < WORTHWHILE_BYTES) continue;
    // zlib writes no time and no name into the header: the same source gives the same bytes.
    await writeFile(`${path}.gz`, gzipSync(content, { level: constants.Z_BEST_COMPRESSION }));
    written.push(`${path}.gz`);
  }
  return written;
}
