import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StudyRow } from '../app/wire';
import { NO_FILTERS } from './filters';
import { StudyList } from './study_list';

const row = (uid: string, received = '2026-11-22T01:00:00Z'): StudyRow =>
  ({ study_instance_uid: uid, received_at: received, receiving: false, instance_count: 1 }) as StudyRow;

/** What the archive holds, newest first; two studies to a page. */
let held: StudyRow[] = [];
let asked: string[] = [];
let broken = false;

async function answer(address: string, init: RequestInit): Promise<Response> {
  asked.push(address);
  if (broken) throw new TypeError('no network');
  const url = new URL(address, 'http://archive');
  const first = Number(url.searchParams.get('cursor') ?? 0);
  const studies = held.slice(first, first + 2);
  const next_cursor = first + 2 < held.length ? String(first + 2) : null;
  await Promise.resolve();
  if (init.signal?.aborted) throw new DOMException('dropped', 'AbortError');
  return Response.json({ studies, total: held.length, next_cursor });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('fetch', answer);
  asked = [];
  broken = false;
  held = [row('b'), row('a')];
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const list = (): StudyList => new StudyList(() => '2026-11-22');
const uids = (studies: StudyList): string => studies.rows.value.map((each) => each.study_instance_uid).join('');

describe('paging', () => {
  it('goes on where the last page ended, and ends', async () => {
    held = [row('e'), row('d'), row('c'), row('b'), row('a')];
    const studies = list();
    await studies.search(NO_FILTERS);
    await studies.more();
    await studies.more();
    expect(uids(studies)).toBe('edcba');
    expect(studies.hasMore.value).toBe(false);
  });

  it('shows a study once that slid from one page to the next', async () => {
    held = [row('c'), row('b'), row('a')];
    const studies = list();
    await studies.search(NO_FILTERS);
    held = [row('d'), ...held];
    await studies.more();
    expect(uids(studies)).toBe('cba');
  });
});

describe('searching', () => {
  it('drops the answer of an earlier question', async () => {
    const studies = list();
    const first = studies.search(NO_FILTERS);
    held = [row('z')];
    const second = studies.search({ ...NO_FILTERS, words: 'z' });
    await Promise.all([first, second]);
    expect(uids(studies)).toBe('z');
    expect(studies.phase.value).toBe('ready');
  });

  it('says when there was no answer, and recovers', async () => {
    const studies = list();
    broken = true;
    await studies.search(NO_FILTERS);
    expect(studies.phase.value).toBe('failed');
    broken = false;
    await studies.refresh();
    expect(studies.phase.value).toBe('ready');
    expect(uids(studies)).toBe('ba');
  });

  it('keeps its rows when it is shown again with the same question', async () => {
    held = [row('c'), row('b'), row('a')];
    const studies = list();
    await studies.search(NO_FILTERS);
    await studies.more();
    await studies.show(NO_FILTERS);
    expect(uids(studies)).toBe('cba');
    await studies.show({ ...NO_FILTERS, words: 'x' });
    expect(asked.at(-1)).toContain('q=x');
  });
});

describe('arrivals', () => {
  it('come in at once, marked for a minute, while nobody uses the list', async () => {
    const studies = list();
    await studies.search(NO_FILTERS);
    held = [row('c', '2026-11-22T02:00:00Z'), ...held];
    await studies.refresh();
    expect(uids(studies)).toBe('cba');
    expect([...studies.fresh.value]).toEqual(['c']);
    vi.advanceTimersByTime(60_000);
    expect([...studies.fresh.value]).toEqual([]);
  });

  it('wait while a hand is near, and come when they are let in', async () => {
    const studies = list();
    await studies.search(NO_FILTERS);
    studies.hold = true;
    held = [row('c', '2026-11-22T02:00:00Z'), ...held];
    await studies.refresh();
    expect(uids(studies)).toBe('ba');
    expect(studies.held.value).toHaveLength(1);
    studies.release();
    expect(uids(studies)).toBe('cba');
    expect(studies.held.value).toEqual([]);
  });

  it('are not what a removal pulls up from the next page', async () => {
    held = [row('c'), row('b'), row('a', '2026-11-21T00:00:00Z')];
    const studies = list();
    await studies.search(NO_FILTERS);
    held = held.slice(1);
    await studies.refresh();
    expect([...studies.fresh.value]).toEqual([]);
    expect(studies.held.value).toEqual([]);
  });
});
