import { defineConfig } from 'vite';
import { licences } from './build/licences.ts';
import { precompressed } from './build/precompressed.ts';

const archive = 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [licences(), precompressed()],
  build: {
    target: 'es2022',
    outDir: '../pacs/web/static',
    emptyOutDir: true,
    // The archive's Content-Security-Policy allows fonts from 'self' only, never data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: {
    proxy: Object.fromEntries(
      ['/api', '/dicom-web', '/wado', '/health'].map((path) => [path, { target: archive }]),
    ),
  },
  test: { include: ['src/**/*.test.ts', 'build/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
