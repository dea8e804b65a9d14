/** A Vite plugin: the licences of what the viewer ships with, in `licenses.txt` beside the page. */
import { readFile } from 'node:fs/promises';
import type { Plugin } from 'vite';

/** Everything that ends up in the built files and was not written here. */
const SHIPPED: ReadonlyArray<readonly [string, string]> = [
  ['Preact', 'node_modules/preact/LICENSE'],
  ['Preact Signals', 'node_modules/@preact/signals/LICENSE'],
  ['Preact Signals Core', 'node_modules/@preact/signals-core/LICENSE'],
  ['Inter', 'node_modules/@fontsource-variable/inter/LICENSE'],
  ['Be Vietnam Pro', 'node_modules/@fontsource/be-vietnam-pro/LICENSE'],
  ['The sheet of film on the sign-in page', 'src/signin/film.LICENSE'],
];

export function licences(): Plugin {
  return {
    name: 'licences',
    apply: 'build',
    async generateBundle() {
      const texts = SHIPPED.map(async ([name, path]) => `${name}\n${'='.repeat(name.length)}\n\n${await readFile(path, 'utf8')}`);
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: (await Promise.all(texts)).join('\n\n') });
    },
  };
}
