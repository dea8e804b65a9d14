/** Every visible word, in the language of the reader. */
import { signal } from '@preact/signals-core';
import vi from './vi.json';
import type english from './en.json';
import type { LanguageCode } from './wire';

export type Key = keyof typeof vi;
type Words = Record<Key, string>;

// Both ways round: a key that only one language knows is a type error here.
type Missing = Exclude<Key, keyof typeof english> | Exclude<keyof typeof english, Key>;
const complete: [Missing] extends [never] ? true : Missing = true;
void complete;

const STORED = 'language';
const loaded: Partial<Record<LanguageCode, Words>> = { vi };

export const language = signal<LanguageCode>('vi');

/** The words of `key`, with `{name}` replaced; a plural is written `one|many`, chosen by `n`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  const words = (loaded[language.value] ?? vi)[key];
  return fill(words, values);
}

export function fill(words: string, values: Record<string, string | number>): string {
  const forms = words.split('|');
  const form = forms.length > 1 && values.n !== 1 && values.n !== '1' ? forms[1] : forms[0];
  return (form ?? '').replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** The words of a key that may not exist, such as a body part no table foresees. */
export function known(key: string): string | null {
  const words = (loaded[language.value] ?? vi) as Record<string, string>;
  return Object.hasOwn(words, key) ? (words[key] ?? null) : null;
}

export async function chooseLanguage(
  code: LanguageCode,
  { remember = false }: { remember?: boolean } = {},
): Promise<void> {
  // English is fetched only when asked for: most readers here never need it.
  if (code === 'en' && !loaded.en) loaded.en = (await import('./en.json')).default;
  language.value = code;
  if (typeof document !== 'undefined') document.documentElement.lang = code;
  if (remember) localStorage.setItem(STORED, code);
}

/** What was chosen on this machine before anybody signed in. */
export function rememberedLanguage(): LanguageCode | null {
  const stored = localStorage.getItem(STORED);
  return stored === 'vi' || stored === 'en' ? stored : null;
}
