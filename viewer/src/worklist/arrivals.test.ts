import { describe, expect, it } from 'vitest';
import type { StudyRow } from '../app/wire';
import { meet, settle } from './arrivals';

const row = (uid: string, instances = 1): StudyRow => ({ study_instance_uid: uid, instance_count: instances }) as StudyRow;
const uids = (rows: readonly StudyRow[]): string => rows.map((each) => each.study_instance_uid).join('');
const rows = (text: string): StudyRow[] => Array.from(text, (uid) => row(uid));

describe('meeting a fresh page', () => {
  it('brings known rows up to date without moving them', () => {
    const met = meet([row('b', 1), row('a', 1)], [row('a', 9), row('b', 1)]);
    expect(uids(met.rows)).toBe('ba');
    expect(met.rows[1]!.instance_count).toBe(9);
    expect(met.arrivals).toEqual([]);
  });

  it('sets what is new aside', () => {
    expect(uids(meet(rows('bc'), rows('abc')).arrivals)).toBe('a');
  });
});

describe('settling', () => {
  it('puts arrivals at the top where the page has them there', () => {
    expect(uids(settle(rows('cdef'), rows('ab'), rows('abcd')))).toBe('abcdef');
  });

  it('puts them in the middle where the order says so', () => {
    expect(uids(settle(rows('acd'), rows('b'), rows('abc')))).toBe('abcd');
  });

  it('puts what ends the page before the rows of later pages', () => {
    expect(uids(settle(rows('abxyz'), rows('c'), rows('abc')))).toBe('abcxyz');
  });

  it('fills an empty list', () => {
    expect(uids(settle([], rows('ab'), rows('ab')))).toBe('ab');
  });
});
