import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import en from './en.json';
import { fill } from './i18n';
import vi from './vi.json';

it('speaks both languages with the same keys', () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(vi).sort());
});

it('names the same values in both languages', () => {
  const values = (words: string): string[] => [...new Set(words.match(/\{\w+\}/g) ?? [])].sort();
  for (const key of Object.keys(vi) as Array<keyof typeof vi>) expect([key, values(en[key])]).toEqual([key, values(vi[key])]);
});

it('leaves no word empty', () => {
  for (const words of [...Object.values(vi), ...Object.values(en)]) expect(words.trim()).not.toBe('');
});

it('says người bệnh, as the law does', () => {
  for (const words of Object.values(vi)) expect(words.toLowerCase()).not.toContain('bệnh nhân');
});

it('fills in values and chooses the plural', () => {
  expect(fill('{n} study|{n} studies', { n: 1 })).toBe('1 study');
  expect(fill('{n} study|{n} studies', { n: 3 })).toBe('3 studies');
  expect(fill('W {width}  L {center}', { width: '400', center: '−40' })).toBe('W 400  L −40');
});

it('keeps no word that nobody says', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join('src', name), 'utf8'))
    .join('');
  // These are put together from a code: `body.${part}`.
  const fromCodes = /^(body|role|sex|days|object|problem)\./;
  const unsaid = Object.keys(vi).filter((key) => !fromCodes.test(key) && !sources.includes(`'${key}'`));
  expect(unsaid).toEqual([]);
});
