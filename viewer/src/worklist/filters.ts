/** What the list is asked to show: read from the address, written back to it, spelled for the archive. */

export const DAY_CHOICES = ['today', 'yesterday', 'week', 'all'] as const;
export type Days = (typeof DAY_CHOICES)[number];

export const SORT_KEYS = [
  'study_date',
  'received_at',
  'patient_name',
  'patient_id',
  'modality',
  'instance_count',
  'series_count',
  'study_description',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

export interface Sort {
  readonly key: SortKey;
  readonly descending: boolean;
}

export interface Filters {
  readonly words: string;
  readonly days: Days;
  readonly modalities: readonly string[];
  readonly sort: Sort;
}

export const NO_FILTERS: Filters = {
  words: '',
  days: 'all',
  modalities: [],
  sort: { key: 'study_date', descending: true },
};

/** One chip may stand for several codes: an X-ray is CR from a cassette and DX from a detector. */
export const MODALITY_CHIPS: ReadonlyArray<{ readonly label: string; readonly codes: readonly string[] }> = [
  { label: 'CT', codes: ['CT'] },
  { label: 'MR', codes: ['MR'] },
  { label: 'DX', codes: ['DX', 'CR'] },
  { label: 'US', codes: ['US'] },
  { label: 'MG', codes: ['MG'] },
  { label: 'XA', codes: ['XA', 'RF'] },
];

export function parseFilters(query: string): Filters {
  const parameters = new URLSearchParams(query);
  return {
    words: parameters.get('q') ?? '',
    days: oneOf(DAY_CHOICES, parameters.get('days')) ?? NO_FILTERS.days,
    modalities: parameters.getAll('modality').filter((code) => /^[A-Z]{2,16}$/.test(code)),
    sort: parseSort(parameters.get('sort')),
  };
}

/** The address of a list; what is as usual is left out, so that the plain list is `/`. */
export function filtersToAddress(filters: Filters): string {
  const parameters = new URLSearchParams();
  if (filters.words) parameters.set('q', filters.words);
  if (filters.days !== NO_FILTERS.days) parameters.set('days', filters.days);
  for (const code of filters.modalities) parameters.append('modality', code);
  if (sortToText(filters.sort) !== sortToText(NO_FILTERS.sort)) parameters.set('sort', sortToText(filters.sort));
  const query = parameters.toString();
  return query ? `/?${query}` : '/';
}

/** The same as a question to `/api/studies`; `today` is the hospital's day, YYYY-MM-DD. */
export function filtersToQuestion(filters: Filters, today: string): URLSearchParams {
  const parameters = new URLSearchParams();
  const words = filters.words.trim();
  if (words) parameters.set('q', words);
  const range = dayRange(filters.days, today);
  if (range) {
    parameters.set('from', range.from);
    parameters.set('to', range.to);
  }
  for (const code of filters.modalities) parameters.append('modality', code);
  parameters.set('sort', sortToText(filters.sort));
  return parameters;
}

/** First and last day, both included; null for all days. */
export function dayRange(days: Days, today: string): { from: string; to: string } | null {
  if (days === 'all') return null;
  if (days === 'yesterday') return { from: dayBefore(today, 1), to: dayBefore(today, 1) };
  return { from: days === 'week' ? dayBefore(today, 6) : today, to: today };
}

function dayBefore(day: string, count: number): string {
  // Noon in UTC: no time zone and no summer time can push it into another day.
  return new Date(Date.parse(`${day}T12:00:00Z`) - count * 86_400_000).toISOString().slice(0, 10);
}

/** A click on a column: the other way round, or its usual direction when it was not the column sorted by. */
export function sortedBy(current: Sort, key: SortKey): Sort {
  if (current.key === key) return { key, descending: !current.descending };
  const newestOrLargestFirst = key === 'study_date' || key === 'received_at' || key.endsWith('_count');
  return { key, descending: newestOrLargestFirst };
}

export function isChipPressed(modalities: readonly string[], codes: readonly string[]): boolean {
  return codes.every((code) => modalities.includes(code));
}

export function toggledChip(modalities: readonly string[], codes: readonly string[]): string[] {
  const others = modalities.filter((code) => !codes.includes(code));
  return isChipPressed(modalities, codes) ? others : [...others, ...codes];
}

export function hasFilters({ words, days, modalities }: Filters): boolean {
  return words.trim() !== '' || days !== 'all' || modalities.length > 0;
}

function parseSort(text: string | null): Sort {
  const descending = text?.startsWith('-') ?? false;
  const key = oneOf(SORT_KEYS, descending ? text!.slice(1) : text);
  return key ? { key, descending } : NO_FILTERS.sort;
}

function sortToText({ key, descending }: Sort): string {
  return descending ? `-${key}` : key;
}

function oneOf<T extends string>(choices: readonly T[], text: string | null): T | null {
  return choices.find((choice) => choice === text) ?? null;
}
